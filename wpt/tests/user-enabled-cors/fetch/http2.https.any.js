// META: title=User-enabled CORS: targets that speak HTTP/2
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/http2.sub.js

promise_test(async () => {
  const token = newToken();
  const response = await fetch(respond(H2_ONCE, { token, body: "text", header: "X-Custom:1" }));
  assert_equals(response.type, "cors");
  assert_equals(response.headers.get("x-custom"), "1");
  assert_equals(await response.text(), "text");
  const records = await seen(token);
  assert_equals(records.length, 1, "it is released");
  assert_equals(records[0].version, "HTTP/2.0");
}, "A response is read if the user allows it");

promise_test((t) => rejects(t, fetch(respond(H2_NOT_NOW))), "It fails if the user declines");

promise_test(async () => {
  const token = newToken();
  const response = await fetch(respond(H2_ONCE, { token, body: "text" }), { method: "PUT", body: "sent" });
  assert_equals(await response.text(), "text");
  const [preflight, request] = await seen(token);
  assert_true(preflight.isPreflight);
  assert_equals(headerOf(request, "sec-user-enabled-cors"), "?1");
  assert_not_equals(request.connection.number, preflight.connection.number, "an anonymous request has a connection of its own");
}, "An anonymous request shares no connection with others");

promise_test(async () => {
  const token = newToken();
  for (let count = 0; count < 3; count++) {
    await (await fetch(respond(H2_VISIT, { token }), { method: "PUT" })).text();
  }
  const puts = (await seen(token)).filter((record) => record.method === "PUT");
  assert_equals(puts.length, 3);
  const others = (await seen(token)).filter((record) => record.method !== "PUT").map((record) => record.connection.number);
  for (const record of puts) {
    assert_false(others.includes(record.connection.number));
  }
}, "Nor do later ones");

for (const method of ["GET", "PUT"]) {
  promise_test(async (t) => {
    await rejects(t, fetch(respond(H2_VISIT, { break: "reset" }), { method }));
  }, `A stream that is reset is no silence: ${method}`);
}

promise_test(async () => {
  const gates = Array.from({ length: 20 }, newToken);
  const held = gates.map((gate) => fetch(respond(H2_VISIT, { "hold-body": gate, body: "abcd" })));
  const responses = await Promise.all(held);
  const other = await fetch(respond(H2_VISIT, { body: "other" }));
  assert_equals(await other.text(), "other", "streams that wait keep no other waiting");
  await Promise.all(gates.map(release));
  assert_array_equals(await Promise.all(responses.map((response) => response.text())), gates.map(() => "abcd"));
}, "Many streams of one connection");
