// META: title=User-enabled CORS: a server that spoke is not asked about
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const preflightOnly = async (token) => (await seen(token)).every((record) => record.isPreflight);

for (const [title, parameters] of [
  ["a preflight that allows GET only", { "preflight-header": [ALLOW_TEST, "Access-Control-Allow-Methods:GET"] }],
  ["a preflight that allows no method", { "preflight-header": [ALLOW_TEST, "Access-Control-Allow-Methods:"] }],
  ["a preflight that allows this origin, with status 405", { "preflight-header": ALLOW_TEST, "preflight-status": 405 }],
  ["a preflight that names another origin", { "preflight-header": `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }],
  ["a preflight that names another origin, with status 405", { "preflight-header": `Access-Control-Allow-Origin:${OTHER_ORIGIN}`, "preflight-status": 405 }],
  ["a preflight that is reset", { "preflight-break": "reset" }],
  ["a preflight that is closed", { "preflight-break": "close" }],
  ["a preflight that is garbage", { "preflight-break": "garbage" }],
  ["a preflight that is cut", { "preflight-break": "cut-header" }],
]) {
  user_test(async (t) => {
    const token = newToken();
    await user.assertRefused(t, respond(TARGET, { token, ...parameters }), { method: "PUT", body: "x" });
    assert_true(await preflightOnly(token), "the request itself is never sent");
  }, `Nobody is asked: ${title}`);

  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET), { method: "PUT", body: "x" });
    const token = newToken();
    await user.assertRefused(t, respond(TARGET, { token, ...parameters }), { method: "PUT", body: "x" });
    assert_true(await preflightOnly(token));
  }, `A permission does not help: ${title}`);
}

for (const status of [200, 204, 301, 400, 401, 403, 404, 405, 500, 501]) {
  user_test(async (t) => {
    const token = newToken();
    const header = status === 301 ? "Location:/" : "X-Other:1";
    const response = await user.fetch(t, "once", respond(TARGET, { token, "preflight-status": status, "preflight-header": header, body: "text" }), { method: "PUT" });
    assert_equals(await response.text(), "text");
    assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS", "PUT"]);
  }, `A preflight with status ${status} and without a word on CORS is silence`);
}

for (const [title, value] of [
  [OTHER_ORIGIN, OTHER_ORIGIN],
  ["null", "null"],
  ["the requester without TLS", TEST_ORIGIN.replace("https:", "http:")],
]) {
  for (const method of ["GET", "HEAD", "POST"]) {
    user_test(async (t) => {
      await user.assertRefused(t, respond(TARGET, { header: `Access-Control-Allow-Origin:${value}` }), { method });
    }, `The response allows ${title}: ${method}`);
  }
}

user_test(async (t) => {
  const token = newToken();
  const turns = ["status=200", `header=${encodeURIComponent(`Access-Control-Allow-Origin:${OTHER_ORIGIN}`)}`];
  const promise = fetch(handler(TARGET, "turns.py", { token, turn: turns }), { method: "PUT" });
  // The preflight takes no turn: it is answered as the request would be, in silence.
  await user.decide(t, "once");
  assert_equals((await promise).status, 200);
}, "What another response would have said plays no part");

user_test(async (t) => {
  const promise = fetch(respond(TARGET, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }), { method: "PUT" });
  await user.decide(t, "once");
  await rejects(t, promise);
}, "A server that speaks only to the anonymous request has spoken");
