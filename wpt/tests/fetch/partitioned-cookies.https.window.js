// META: title=Fetch: partitioned cookies
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const allowed = { header: [ALLOW_TEST, ALLOW_CREDENTIALS] };
const set = (attributes) =>
  fetch(handler(CROSS_SITE, "cookies.py", { set: `partitioned=1; Path=/; SameSite=None${attributes}`, ...allowed }), { credentials: "include" });

async function isSent() {
  const response = await fetch(handler(CROSS_SITE, "echo.py", allowed), { credentials: "include" });
  return (headerOf(await response.json(), "cookie") || "").includes("partitioned=1");
}

promise_test(async () => {
  await set("; Partitioned");
  assert_false(await isSent());
}, "Not without Secure");

promise_test(async (t) => {
  await set("; Secure; Partitioned");
  t.add_cleanup(() => set("; Secure; Partitioned; Max-Age=0"));
  assert_true(await isSent());
}, "Below the page where it was set, the cookie is sent");

promise_test(async (t) => {
  await set("; Secure; Partitioned");
  await set("; Secure; Max-Age=0");
  assert_true(await isSent(), "one without a partition is another cookie");
  await set("; Secure; Partitioned; Max-Age=0");
  assert_false(await isSent());
}, "It is removed below that page only");
