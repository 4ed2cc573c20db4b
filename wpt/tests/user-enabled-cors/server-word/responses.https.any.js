// META: title=User-enabled CORS: a server's word in the response to an anonymous request
// META: script=/user-enabled-cors/resources/servers.sub.js

// The preflight is silent, so that what is sent then is sent for the user; its response is what the server says of that.
const put = (parameters, token) => fetch(respond(ANSWERS.once, { body: "put", token, ...parameters }), { method: "PUT" });

for (const [title, header] of [
  ["another origin is allowed", `Access-Control-Allow-Origin:${OTHER_ORIGIN}`],
  ["the origin null is allowed", "Access-Control-Allow-Origin:null"],
  ["it opts out", "Access-Control-Prevent-Origin:*"],
  ["it opts out in a way that does not parse", "Access-Control-Prevent-Origin:\"unclosed"],
  ["its policy is same-origin", "Cross-Origin-Resource-Policy:same-origin"],
  ["its policy is same-site", "Cross-Origin-Resource-Policy:same-site"],
]) {
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, put({ header }, token));
    const records = (await seen(token)).filter((record) => record.method === "PUT");
    assert_equals(records.length, 1, "it was sent, once");
    assert_equals(headerOf(records[0], "sec-user-enabled-cors"), "?1");
  }, `A no: ${title}`);
}

for (const [title, header] of [
  ["everybody is allowed", ALLOW_ALL],
  ["the requester is allowed", ALLOW_TEST],
  ["it is silent", "X-Custom:1"],
  ["its policy is cross-origin", "Cross-Origin-Resource-Policy:cross-origin"],
]) {
  promise_test(async () => {
    const response = await put({ header }, newToken());
    assert_equals(response.type, "cors");
    assert_equals(await response.text(), "put");
  }, `No no: ${title}`);
}
