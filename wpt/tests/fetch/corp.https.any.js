// META: title=Fetch: Cross-Origin-Resource-Policy
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const policy = (value) => ({ header: `Cross-Origin-Resource-Policy:${value}` });

for (const [value, toSameSite, toCrossSite] of [
  ["same-origin", false, false],
  ["same-site", true, false],
  ["cross-origin", true, true],
  ["other", true, true],
  ["SAME-ORIGIN", true, true],
  ["same-origin, same-site", true, true],
]) {
  for (const [title, origin, passes] of [["the same site", SAME_SITE, toSameSite], ["another site", CROSS_SITE, toCrossSite]]) {
    promise_test(async (t) => {
      const promise = fetch(respond(origin, policy(value)), { mode: "no-cors" });
      if (passes) {
        assert_equals((await promise).type, "opaque");
      } else {
        await rejects(t, promise);
      }
    }, `"${value}" ${passes ? "does not block" : "blocks"} a no-cors request to ${title}`);
  }

  promise_test(async () => {
    const response = await fetch(respond(TEST_ORIGIN, { ...policy(value), body: "text" }), { mode: "no-cors" });
    assert_equals(await response.text(), "text");
  }, `"${value}" does not block one to the same origin`);

  promise_test(async () => {
    const response = await fetch(respond(CROSS_SITE, { header: [ALLOW_ALL, `Cross-Origin-Resource-Policy:${value}`] }));
    assert_equals(response.type, "cors");
  }, `"${value}" does not block what CORS allows`);
}

promise_test(async (t) => {
  await rejects(t, fetch(redirect(CROSS_SITE, respond(TEST_ORIGIN), policy("same-origin")), { mode: "no-cors" }));
}, "A redirect is blocked as well");
