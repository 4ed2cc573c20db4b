// META: title=User-enabled CORS: an objection: dropping cookies is not enough
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const WITH_CREDENTIALS = [ALLOW_TEST, ALLOW_CREDENTIALS];
const included = (name, parameters) =>
  fetch(handler(TARGET, name, { header: WITH_CREDENTIALS, ...parameters }), { credentials: "include" });
const REQUESTS = [
  ["a simple request", {}],
  ["a simple POST", { method: "POST", body: "x" }],
  ["a request after a preflight", { method: "PUT" }],
];

for (const [title, init] of REQUESTS) {
  user_test(async (t) => {
    const cookie = `more${Date.now()}`;
    await included("cookies.py", { set: `${cookie}=1; Path=/; Secure; SameSite=None` });
    const before = await (await included("echo.py")).json();
    assert_true(headerOf(before, "cookie").includes(cookie), "the user has a cookie there");

    const token = newToken();
    await user.fetch(t, "once", respond(TARGET, { token }), init);
    const records = await seen(token);
    assert_greater_than(records.length, 0);
    for (const record of records) {
      assert_equals(headerOf(record, "cookie"), null);
      assert_equals(headerOf(record, "authorization"), null);
      assert_not_equals(record.connection.number, before.connection.number, "a connection that had cookies is not used");
    }
  }, `Neither cookies nor the connection that they went over: ${title}`);

  user_test(async (t) => {
    const token = newToken();
    const response = await user.fetch(t, "once", handler(TARGET, "authentication.py", { token }), init);
    assert_equals(response.status, 401, "the challenge is handed on, not answered");
    assert_false(response.headers.has("www-authenticate"));
    const challenged = (await seen(token)).filter((record) => !record.isPreflight);
    assert_equals(challenged.length, 1);
  }, `A challenge is not answered: ${title}`);
}

user_test(async (t) => {
  const token = newToken();
  const turns = ["body=private&header=Cache-Control:max-age%3D3600", "body=public"].map((turn) => `${turn}&header=${encodeURIComponent(ALLOW_TEST)}&header=${encodeURIComponent(ALLOW_CREDENTIALS)}`);
  turns[1] = "body=public";
  const url = handler(TARGET, "turns.py", { token, turn: turns });
  assert_equals(await (await fetch(url, { credentials: "include" })).text(), "private");
  const response = await user.fetch(t, "once", url);
  assert_equals(await response.text(), "public");
}, "What is in the cache from requests with credentials is not read");

user_test(async (t) => {
  const token = newToken();
  await user.fetch(t, "visit", respond(TARGET, { token, header: "Cache-Control:max-age=3600" }), { method: "PUT" });
  const [preflight, request] = await seen(token);
  assert_true(preflight.isPreflight);
  assert_equals(headerOf(request, "sec-user-enabled-cors"), "?1", "the server is told");
  assert_equals(headerOf(request, "origin"), TEST_ORIGIN, "and by whom");
}, "A server can tell such a request from all others");

user_test(async (t) => {
  const name = `set${Date.now()}`;
  const set = `${name}=1; Path=/; Secure; SameSite=None`;
  const response = await user.fetch(t, "once", handler(TARGET, "cookies.py", { set }), { method: "PUT" });
  assert_false(response.headers.has("set-cookie"));
  const after = await (await included("echo.py")).json();
  assert_false((headerOf(after, "cookie") || "").includes(name));
}, "Nothing comes back that a later request would carry");
