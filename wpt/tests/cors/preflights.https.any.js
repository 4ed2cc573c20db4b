// META: title=CORS: requests with a preflight
// META: script=/user-enabled-cors/resources/servers.sub.js

const origin = `Access-Control-Allow-Origin:${TEST_ORIGIN}`;
const allowed = (...fields) => ({ header: origin, "preflight-header": [origin, ...fields] });

promise_test(async () => {
  const token = newToken();
  const url = respond(ANSWERS.notNow, { ...allowed("Access-Control-Allow-Methods:PUT"), token });
  const response = await fetch(url, { method: "PUT", body: "x" });
  assert_equals(response.status, 200);
  const methods = (await seen(token)).map((record) => record.method);
  assert_array_equals(methods, ["OPTIONS", "PUT"]);
}, "A method that is allowed");

promise_test(async () => {
  const token = newToken();
  const url = respond(ANSWERS.notNow, { ...allowed("Access-Control-Allow-Headers:x-custom"), token });
  await fetch(url, { headers: { "X-Custom": "1" } });
  const [preflight, request] = await seen(token);
  assert_equals(headerOf(preflight, "access-control-request-headers"), "x-custom");
  assert_equals(headerOf(preflight, "x-custom"), null);
  assert_equals(headerOf(request, "x-custom"), "1");
}, "A header field that is allowed");

for (const [title, parameters, init] of [
  ["a method that is not", allowed("Access-Control-Allow-Methods:POST"), { method: "PUT" }],
  ["a header field that is not", allowed("Access-Control-Allow-Headers:x-other"), { headers: { "X-Custom": "1" } }],
  ["a method of other case", allowed("Access-Control-Allow-Methods:put"), { method: "PUT" }],
  ["a status that is not ok", { ...allowed("Access-Control-Allow-Methods:PUT"), "preflight-status": 404 }, { method: "PUT" }],
]) {
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(ANSWERS.notNow, { ...parameters, token }), init));
    const records = await seen(token);
    assert_equals(records.length, 1, "only the preflight is sent");
    assert_true(records[0].isPreflight);
  }, `A preflight that fails: ${title}`);
}

promise_test(async (t) => {
  const url = respond(ANSWERS.notNow, { "preflight-header": [origin, "Access-Control-Allow-Methods:PUT"] });
  await rejects(t, fetch(url, { method: "PUT" }));
}, "A preflight that succeeds before a response that does not");
