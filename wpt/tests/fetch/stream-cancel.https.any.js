// META: title=Fetch: cancelling a body
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

for (const origin of [TEST_ORIGIN, CROSS_SITE]) {
  const where = origin === TEST_ORIGIN ? "the same origin" : "another origin";
  promise_test(async (t) => {
    const ends = newToken();
    const response = await fetch(respond(origin, { header: ALLOW_ALL, endless: "", ends }));
    const reader = response.body.getReader();
    await reader.read();
    await reader.cancel();
    assert_false(await endOf(t, ends));
  }, `To cancel a body ends the connection: ${where}`);
}
