// META: title=Fetch: Sec-Fetch-* header fields
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const fields = async (url, init) => {
  const token = newToken();
  await fetch(url(token), init);
  const [record] = await seen(token);
  return ["site", "mode", "dest", "user"].map((name) => headerOf(record, `sec-fetch-${name}`));
};
const at = (origin) => (token) => respond(origin, { token, header: ALLOW_ALL });

for (const [title, url, init, site, mode] of [
  ["the same origin", at(TEST_ORIGIN), {}, "same-origin", "cors"],
  ["another port", at(OTHER_PORT), {}, "same-site", "cors"],
  ["a subdomain", at(SAME_SITE), {}, "same-site", "cors"],
  ["another site", at(CROSS_SITE), {}, "cross-site", "cors"],
  ["another site, no-cors", at(CROSS_SITE), { mode: "no-cors" }, "cross-site", "no-cors"],
  ["the same origin, same-origin", at(TEST_ORIGIN), { mode: "same-origin" }, "same-origin", "same-origin"],
  ["a redirect within the origin", (token) => redirect(TEST_ORIGIN, at(TEST_ORIGIN)(token)), {}, "same-origin", "cors"],
  ["a redirect from a subdomain", (token) => redirect(SAME_SITE, at(TEST_ORIGIN)(token), { header: ALLOW_ALL }), {}, "same-site", "cors"],
  ["a redirect from another site", (token) => redirect(CROSS_SITE, at(TEST_ORIGIN)(token), { header: ALLOW_ALL }), {}, "cross-site", "cors"],
]) {
  promise_test(async () => {
    assert_array_equals(await fields(url, init), [site, mode, "empty", null]);
  }, `To ${title}: ${site}, ${mode}`);
}

for (const [title, origin, credentials, expected] of [
  ["another site, with credentials", CROSS_SITE, "include", "active"],
  ["another site, without", CROSS_SITE, "omit", null],
  ["another site, with credentials for the same origin", CROSS_SITE, "same-origin", null],
  ["the same site, with credentials", SAME_SITE, "include", null],
]) {
  promise_test(async () => {
    const token = newToken();
    await fetch(respond(origin, { token }), { mode: "no-cors", credentials });
    const [record] = await seen(token);
    assert_equals(headerOf(record, "sec-fetch-storage-access"), expected);
  }, `To ${title}: ${expected === null ? "nothing of the access to cookies" : expected}`);
}

promise_test(async () => {
  const token = newToken();
  const url = respond(CROSS_SITE, { token, header: ALLOW_ALL, "preflight-header": [ALLOW_ALL, "Access-Control-Allow-Methods:PUT"] });
  await fetch(url, { method: "PUT" });
  const [preflight] = await seen(token);
  assert_equals(headerOf(preflight, "sec-fetch-mode"), "cors");
  assert_equals(headerOf(preflight, "sec-fetch-site"), "cross-site");
}, "A preflight has them too");
