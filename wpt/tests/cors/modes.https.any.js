// META: title=CORS: request modes and the types of responses
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

promise_test(async () => {
  const token = newToken();
  const response = await fetch(respond(CROSS_SITE, { body: "text", header: "X-A:1", token }), { mode: "no-cors" });
  assert_equals(response.type, "opaque");
  assert_equals(response.status, 0);
  assert_equals(response.url, "");
  assert_false(response.ok);
  assert_array_equals([...response.headers], []);
  assert_equals(response.body, null);
  assert_equals(await response.text(), "");
  const [record] = await seen(token);
  assert_equals(record.method, "GET", "it was sent");
  assert_equals(headerOf(record, "origin"), null);
}, "no-cors to another origin is opaque");

promise_test(async () => {
  const response = await fetch(respond(TEST_ORIGIN, { body: "text" }), { mode: "no-cors" });
  assert_equals(response.type, "basic");
  assert_equals(await response.text(), "text");
}, "no-cors to the same origin is not");

promise_test(async () => {
  const token = newToken();
  const headers = { "X-Custom": "1", "Content-Type": "application/json", Accept: "text/x" };
  await fetch(respond(CROSS_SITE, { token }), { mode: "no-cors", method: "POST", headers, body: "{}" });
  const [record] = await seen(token);
  assert_equals(headerOf(record, "x-custom"), null);
  assert_not_equals(headerOf(record, "content-type"), "application/json");
  assert_equals(headerOf(record, "accept"), "text/x");
  assert_equals(headerOf(record, "origin"), TEST_ORIGIN);
  assert_equals(record.body, "{}");
}, "no-cors sends header fields that are safe and leaves out others");

for (const method of ["PUT", "DELETE", "PATCH"]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(CROSS_SITE, { mode: "no-cors", method }));
  }, `no-cors is not for ${method}`);
}

promise_test(async (t) => {
  const token = newToken();
  await rejects(t, fetch(respond(CROSS_SITE, { header: ALLOW_ALL, token }), { mode: "same-origin" }));
  assert_array_equals(await seen(token), [], "nothing is sent");
}, "same-origin does not reach another origin");

promise_test(async (t) => {
  const token = newToken();
  const url = redirect(TEST_ORIGIN, respond(CROSS_SITE, { header: ALLOW_ALL, token }));
  await rejects(t, fetch(url, { mode: "same-origin" }));
  assert_array_equals(await seen(token), []);
}, "same-origin does not reach it by a redirect either");

promise_test(async () => {
  const response = await fetch(respond(TEST_ORIGIN), { mode: "same-origin" });
  assert_equals(response.type, "basic");
}, "same-origin reaches its own");

test(() => {
  assert_throws_js(TypeError, () => new Request(TEST_ORIGIN, { mode: "navigate" }));
}, "navigate is not for pages");

promise_test(async () => {
  assert_equals((await fetch(respond(TEST_ORIGIN))).type, "basic");
  assert_equals((await fetch(respond(CROSS_SITE, { header: ALLOW_ALL }))).type, "cors");
  assert_equals(new Response().type, "default");
  assert_equals(Response.error().type, "error");
}, "The types of responses");

promise_test(async () => {
  const url = respond(CROSS_SITE, { header: ALLOW_ALL, body: "text" });
  const response = await fetch(`${url}#fragment`);
  assert_equals(response.url, url);
}, "The URL of a response has no fragment");

for (const [method, expected] of [["GET", null], ["HEAD", null], ["POST", TEST_ORIGIN], ["PUT", TEST_ORIGIN]]) {
  promise_test(async () => {
    const token = newToken();
    await fetch(respond(TEST_ORIGIN, { token }), { method });
    const [record] = await seen(token);
    assert_equals(headerOf(record, "origin"), expected);
  }, `To the same origin ${method} has ${expected ? "an" : "no"} Origin`);
}
