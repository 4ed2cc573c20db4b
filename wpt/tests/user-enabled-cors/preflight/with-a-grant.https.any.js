// META: title=User-enabled CORS: preflights of requests that are allowed already
// META: script=/user-enabled-cors/resources/servers.sub.js

const ALLOWING = [ALLOW_TEST, "Access-Control-Allow-Methods:PUT", "Access-Control-Allow-Headers:x-custom"];

// Has the user allow PUT and a header field for the visit.
const allow = () => fetch(respond(ANSWERS.visit), { method: "PUT", headers: { "X-Custom": "1" } });
const put = (parameters) => fetch(respond(ANSWERS.visit, parameters), { method: "PUT", headers: { "X-Custom": "1" } });

promise_test(async () => {
  await allow();
  const token = newToken();
  const response = await put({ token, body: "text" });
  assert_equals(await response.text(), "text");
  const records = await seen(token);
  assert_array_equals(records.map((record) => record.method), ["OPTIONS", "PUT"]);
  assert_equals(headerOf(records[1], "sec-user-enabled-cors"), "?1");
  assert_equals(headerOf(records[0], "sec-user-enabled-cors"), null, "the preflight is an ordinary one");
}, "The preflight is still sent");

promise_test(async () => {
  await allow();
  const token = newToken();
  const response = await put({ token, body: "text", header: ALLOW_TEST, "preflight-header": ALLOWING });
  assert_equals(await response.text(), "text");
  const [, request] = await seen(token);
  assert_equals(headerOf(request, "sec-user-enabled-cors"), null);
  assert_false(response.headers.has("x-not-safe"));
}, "A preflight that succeeds leads to an ordinary request");

promise_test(async () => {
  await allow();
  const header = [ALLOW_TEST, "X-A:1"];
  const response = await put({ header, "preflight-header": ALLOWING });
  assert_false(response.headers.has("x-a"), "no more is exposed than the server says");
}, "What a server allows itself is exposed as it says");

for (const [title, fields] of [
  ["another origin", [`Access-Control-Allow-Origin:${OTHER_ORIGIN}`]],
  ["no method", [ALLOW_TEST]],
  ["no header field", [ALLOW_TEST, "Access-Control-Allow-Methods:PUT"]],
  ["an opt-out", ["Access-Control-Prevent-Origin:*"]],
]) {
  promise_test(async (t) => {
    await allow();
    const token = newToken();
    await rejects(t, put({ token, "preflight-header": fields }));
    assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
  }, `A preflight that says no is obeyed: ${title}`);
}

for (const kind of ["reset", "close"]) {
  promise_test(async (t) => {
    await allow();
    const token = newToken();
    await rejects(t, put({ token, "preflight-break": kind }));
    assert_true((await seen(token)).every((record) => record.isPreflight));
  }, `A preflight that fails otherwise is a failure: ${kind}`);
}

promise_test(async () => {
  await fetch(respond(ANSWERS.visit));
  const token = newToken();
  const response = await fetch(respond(ANSWERS.visit, { token, body: "text" }));
  assert_equals(await response.text(), "text");
  const records = await seen(token);
  assert_equals(records.length, 1);
  assert_equals(records[0].method, "GET");
}, "What needs no preflight has none");
