// META: title=User-enabled CORS: where a server spoke nobody is asked
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const PUT = { method: "PUT" };
const ALLOW_OTHER = `Access-Control-Allow-Origin:${OTHER_ORIGIN}`;

for (const [title, parameters, init] of [
  ["another origin", { header: ALLOW_OTHER }],
  ["the origin null", { header: "Access-Control-Allow-Origin:null" }],
  ["no credentials", { header: ALLOW_TEST }, { credentials: "include" }],
  ["another origin, by the preflight", { "preflight-header": ALLOW_OTHER }, PUT],
  ["fewer methods, by the preflight", { "preflight-header": [ALLOW_TEST, "Access-Control-Allow-Methods:GET"] }, PUT],
  ["fewer header fields, by the preflight", { "preflight-header": ALLOW_TEST }, { headers: { "X-Custom": "1" } }],
  ["an opt-out", { header: "Access-Control-Prevent-Origin:*" }],
  ["an opt-out, by the preflight", { "preflight-header": "Access-Control-Prevent-Origin:*" }, PUT],
  ["a policy of same-origin", { header: "Cross-Origin-Resource-Policy:same-origin" }],
  ["a preflight without a response", { "preflight-break": "reset" }, PUT],
  ["no response", { break: "reset" }],
]) {
  user_test(async (t) => {
    await rejects(t, fetch(respond(TARGET, parameters), init));
    await user.assertNotAsked();
  }, `Nobody is asked: ${title}`);
}

for (const [title, parameters, init] of [
  ["nothing", {}],
  ["a malformed Access-Control-Allow-Origin", { header: "Access-Control-Allow-Origin:all" }],
  ["a repeated one", { header: [ALLOW_ALL, ALLOW_ALL] }],
  ["a preflight with status 405", { "preflight-status": 405 }, PUT],
  ["a preflight that is redirected", { "preflight-status": 302, "preflight-header": "Location:/" }, PUT],
  ["an opt-out for others", { header: `Access-Control-Prevent-Origin:"${OTHER_ORIGIN}"` }],
]) {
  user_test(async (t) => {
    const promise = fetch(respond(TARGET, { ...parameters, body: "text" }), init);
    await user.decide(t, "once");
    assert_equals(await (await promise).text(), "text");
  }, `The user is asked: ${title}`);
}

user_test(async (t) => {
  const token = newToken();
  const says = [ALLOW_TEST, "Access-Control-Allow-Methods:PUT", "Access-Control-Max-Age:600", "Access-Control-Prevent-Origin:*"];
  const preflight = says.map((field) => ["preflight-header", field]);
  const turn = (pairs) => new URLSearchParams(pairs).toString();
  const url = handler(TARGET, "turns.py", { token, turn: [turn([...preflight, ["header", ALLOW_TEST]]), turn(preflight)] });
  await fetch(url, PUT);
  await user.assertRefused(t, url, PUT);
  assert_equals((await seen(token)).filter((record) => record.isPreflight).length, 2, "the server is asked each time");
}, "An opt-out by an earlier preflight is not forgotten by its cache");
