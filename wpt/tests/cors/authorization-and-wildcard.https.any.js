// META: title=CORS: a wildcard does not cover Authorization
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

for (const [title, headers] of [
  ["alone", { Authorization: "x" }],
  ["beside another", { Authorization: "x", "X-Custom": "1" }],
]) {
  promise_test(async (t) => {
    const token = newToken();
    const url = respond(CROSS_SITE, {
      token,
      header: ALLOW_ALL,
      "preflight-header": [ALLOW_ALL, "Access-Control-Allow-Headers:*"],
    });
    await rejects(t, fetch(url, { headers }));
    const records = await seen(token);
    assert_equals(records.length, 1, "only the preflight is sent");
    assert_true(records[0].isPreflight);
  }, `Access-Control-Allow-Headers: * does not allow Authorization: ${title}`);
}
