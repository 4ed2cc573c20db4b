// META: title=Fetch: keepalive
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const LIMIT = 64 * 1024;

for (const origin of [TEST_ORIGIN, CROSS_SITE]) {
  const where = origin === TEST_ORIGIN ? "the same origin" : "another origin";
  promise_test(async () => {
    const token = newToken();
    const body = "x".repeat(LIMIT);
    await fetch(respond(origin, { token, header: ALLOW_ALL }), { method: "POST", keepalive: true, body });
    assert_equals((await seen(token))[0].bodyLength, LIMIT);
  }, `A body of 64 KiB is sent to ${where}`);

  promise_test(async (t) => {
    const token = newToken();
    const body = "x".repeat(LIMIT + 1);
    await rejects(t, fetch(respond(origin, { token, header: ALLOW_ALL }), { method: "POST", keepalive: true, body }));
    assert_array_equals(await seen(token), []);
  }, `One byte more is not, to ${where}`);
}

promise_test(async () => {
  const token = newToken();
  await fetch(respond(TEST_ORIGIN, { token }), { method: "POST", body: "x".repeat(LIMIT + 1) });
  assert_equals((await seen(token))[0].bodyLength, LIMIT + 1);
}, "Without keepalive there is no such limit");

promise_test(async (t) => {
  const gate = newToken();
  const body = "x".repeat(LIMIT / 2 + 1);
  const first = fetch(respond(TEST_ORIGIN, { hold: gate }), { method: "POST", keepalive: true, body });
  await rejects(t, fetch(respond(TEST_ORIGIN), { method: "POST", keepalive: true, body }));
  await release(gate);
  assert_equals((await first).status, 200);
}, "The limit is for all that are under way");
