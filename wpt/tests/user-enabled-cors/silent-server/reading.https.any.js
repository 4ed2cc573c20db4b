// META: title=User-enabled CORS: a server that says nothing about CORS
// META: script=/user-enabled-cors/resources/servers.sub.js

for (const answer of ["once", "visit"]) {
  promise_test(async () => {
    const response = await fetch(respond(ANSWERS[answer], { body: "text" }));
    assert_equals(response.type, "cors");
    assert_equals(response.status, 200);
    assert_equals(await response.text(), "text");
  }, `fetch() reads the response if the user allows it: ${answer}`);
}

for (const answer of ["notNow", "never"]) {
  promise_test((t) => rejects(t, fetch(respond(ANSWERS[answer]))), `fetch() fails if the user declines: ${answer}`);
}

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { status: 404, body: "missing" }));
  assert_equals(response.status, 404);
  assert_equals(await response.text(), "missing");
}, "A response with an error status can be read");

promise_test(async () => {
  const token = newToken();
  await fetch(respond(ANSWERS.once, { token }));
  const records = await seen(token);
  for (const record of records) {
    assert_equals(headerOf(record, "cookie"), null, "no cookies");
    assert_equals(headerOf(record, "authorization"), null, "no authentication");
    assert_equals(headerOf(record, "origin"), TEST_ORIGIN, "the requester is named");
  }
  assert_greater_than(records.length, 0);
}, "No credentials are sent, and the requester is");

promise_test(async () => {
  const token = newToken();
  const response = await fetch(respond(ANSWERS.once, { token, body: "written" }), { method: "POST", body: "simple" });
  assert_equals(await response.text(), "written");
  const posts = (await seen(token)).filter((record) => record.method === "POST");
  assert_equals(posts.length, 1, "nothing unsafe is sent twice");
  assert_equals(posts[0].body, "simple");
}, "A simple POST that was sent already is released, not sent again");

promise_test(async () => {
  const token = newToken();
  const response = await fetch(respond(ANSWERS.once, { token, body: "put" }), {
    method: "PUT",
    headers: { "X-Custom": "1", "Content-Type": "application/json" },
    body: "{}",
  });
  assert_equals(await response.text(), "put");
  const puts = (await seen(token)).filter((record) => record.method === "PUT");
  assert_equals(puts.length, 1);
  assert_equals(headerOf(puts[0], "x-custom"), "1");
  assert_equals(headerOf(puts[0], "sec-user-enabled-cors"), "?1");
}, "A request whose preflight fails in silence is sent once it is allowed");

promise_test(async (t) => {
  const token = newToken();
  await rejects(t, fetch(respond(ANSWERS.notNow, { token }), { method: "PUT" }));
  const puts = (await seen(token)).filter((record) => record.method === "PUT");
  assert_equals(puts.length, 0);
}, "A request whose preflight fails in silence is not sent if it is declined");

promise_test(async () => {
  const header = ["X-Custom:1", "Set-Cookie:a=1", "WWW-Authenticate:Basic", "Proxy-Status:x"];
  const response = await fetch(respond(ANSWERS.once, { header }));
  assert_equals(response.headers.get("x-custom"), "1");
  for (const name of ["set-cookie", "www-authenticate", "proxy-status"]) {
    assert_false(response.headers.has(name), name);
  }
}, "Every header field is exposed but those about credentials and proxies");

for (const value of ["", "https://a.example, https://b.example", "not an origin"]) {
  promise_test(async () => {
    const header = `Access-Control-Allow-Origin:${value}`;
    const response = await fetch(respond(ANSWERS.once, { header, body: "text" }));
    assert_equals(await response.text(), "text");
  }, `A malformed Access-Control-Allow-Origin is silence: "${value}"`);
}
