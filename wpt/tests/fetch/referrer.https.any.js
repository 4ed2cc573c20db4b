// META: title=Fetch: Referer
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const FULL = location.href.replace(/#.*/, "");
const ORIGIN = `${TEST_ORIGIN}/`;
const NONE = null;

for (const [policy, toSame, toOther] of [
  ["no-referrer", NONE, NONE],
  ["origin", ORIGIN, ORIGIN],
  ["same-origin", FULL, NONE],
  ["strict-origin", ORIGIN, ORIGIN],
  ["origin-when-cross-origin", FULL, ORIGIN],
  ["strict-origin-when-cross-origin", FULL, ORIGIN],
  ["no-referrer-when-downgrade", FULL, FULL],
  ["unsafe-url", FULL, FULL],
  ["", FULL, ORIGIN],
]) {
  for (const [title, origin, expected] of [["the same origin", TEST_ORIGIN, toSame], ["another", CROSS_SITE, toOther]]) {
    promise_test(async () => {
      const token = newToken();
      await fetch(respond(origin, { token, header: ALLOW_ALL }), { referrerPolicy: policy });
      const [record] = await seen(token);
      assert_equals(headerOf(record, "referer"), expected);
    }, `Referrer policy "${policy}" to ${title}`);
  }
}

promise_test(async () => {
  const token = newToken();
  await fetch(respond(TEST_ORIGIN, { token }), { referrer: "" });
  assert_equals(headerOf((await seen(token))[0], "referer"), null);
}, "An empty referrer");

promise_test(async () => {
  const token = newToken();
  await fetch(respond(TEST_ORIGIN, { token }), { referrer: "/path?query#fragment" });
  assert_equals(headerOf((await seen(token))[0], "referer"), `${TEST_ORIGIN}/path?query`);
}, "A referrer of the same origin");

promise_test(async () => {
  const request = new Request(TEST_ORIGIN, { referrer: `${CROSS_SITE}/path` });
  assert_equals(request.referrer, "about:client");
}, "A referrer of another origin is not taken");

promise_test(async () => {
  const token = newToken();
  const end = respond(CROSS_SITE, { token, header: ALLOW_ALL });
  await fetch(redirect(TEST_ORIGIN, end, { header: "Referrer-Policy:no-referrer" }));
  assert_equals(headerOf((await seen(token))[0], "referer"), null);
}, "A redirect can set a policy");
