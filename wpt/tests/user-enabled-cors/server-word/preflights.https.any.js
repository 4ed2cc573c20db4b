// META: title=User-enabled CORS: a server's word in its preflight
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js

const refused = (title, fields, init) =>
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(ANSWERS.once, { token, "preflight-header": fields }), init));
    assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"], "only the preflight is sent");
  }, title);

const PUT = { method: "PUT" };
for (const allow of [ALLOW_ALL, ALLOW_TEST]) {
  const who = allow === ALLOW_ALL ? "everybody" : "the requester";
  refused(`It allows ${who}, and no method`, [allow], PUT);
  refused(`It allows ${who}, and other methods`, [allow, "Access-Control-Allow-Methods:GET, POST, PATCH"], PUT);
  refused(`It allows ${who}, and no header fields`, [allow], { headers: { "X-Custom": "1" } });
  refused(`It allows ${who}, and other header fields`, [allow, "Access-Control-Allow-Headers:x-other"], { headers: { "X-Custom": "1" } });
  refused(`It allows ${who}, and one of two header fields`, [allow, "Access-Control-Allow-Headers:x-a"], { headers: { "X-A": "1", "X-B": "2" } });
  refused(`It allows ${who}, and any but Authorization`, [allow, "Access-Control-Allow-Headers:*"], { headers: { Authorization: "x" } });
}
for (const value of [OTHER_ORIGIN, "null", TEST_ORIGIN.replace("https:", "http:"), TEST_ORIGIN.replace(/:\d+$/, ":1")]) {
  const shown = value.replace(/\/\/.*test/, "//host");
  refused(`It allows another: ${shown}`, [`Access-Control-Allow-Origin:${value}`, "Access-Control-Allow-Methods:*"], PUT);
}
refused("It opts out", ["Access-Control-Prevent-Origin:*"], PUT);
refused("It opts out for the requester", [`Access-Control-Prevent-Origin:"${TEST_ORIGIN}"`], PUT);

for (const value of ["*", `"${TEST_ORIGIN}"`]) {
  promise_test(async (t) => {
    const fields = [ALLOW_ALL, "Access-Control-Allow-Methods:*", `Access-Control-Prevent-Origin:${value}`];
    const url = respond(ANSWERS.once, { "preflight-header": fields });
    await rejects(t, fetch(url, PUT));
  }, `It allows the request and opts out, and the response is silent: ${value === "*" ? "everybody" : "the requester"}`);
}

promise_test(async () => {
  const fields = [ALLOW_ALL, "Access-Control-Allow-Methods:*", `Access-Control-Prevent-Origin:"${OTHER_ORIGIN}"`];
  const response = await fetch(respond(ANSWERS.once, { body: "put", "preflight-header": fields }), PUT);
  assert_equals(await response.text(), "put");
}, "It allows the request and opts out for others only, and the response is silent");

promise_test(async () => {
  const fields = [`Access-Control-Prevent-Origin:"${OTHER_ORIGIN}"`];
  const response = await fetch(respond(ANSWERS.once, { body: "put", "preflight-header": fields }), PUT);
  assert_equals(await response.text(), "put");
}, "It opts out for others only");
