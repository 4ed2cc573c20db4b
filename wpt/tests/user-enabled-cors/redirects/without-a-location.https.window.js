// META: title=User-enabled CORS: redirects: a redirect status without a Location is a response like others
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const [B, C] = [ANSWERS.once, ONCE_TOO];
const STATUSES = [301, 302, 303, 307, 308];

for (const status of STATUSES) {
  user_test(async (t) => {
    const promise = fetch(respond(B, { status, body: "secret" }));
    promise.catch(() => {});
    await user.decide(t, "not-now");
    await rejects(t, promise);
  }, `It is asked about, and not read if that is declined: ${status}`);

  user_test(async (t) => {
    const response = await user.fetch(t, "once", respond(B, { status, body: "text", header: "X-Custom:1" }));
    assert_equals(response.status, status);
    assert_equals(response.type, "cors");
    assert_false(response.redirected);
    assert_equals(response.headers.get("x-custom"), "1");
    assert_equals(await response.text(), "text");
    assert_equals((await user.ledger()).length, 1, "the ledger has it");
  }, `It is read if that is allowed: ${status}`);

  user_test(async (t) => {
    await user.setPreference("user_cors.enabled", false);
    await user.assertRefused(t, respond(B, { status, body: "secret" }));
  }, `It is not read where the feature is off: ${status}`);
}

user_test(async (t) => {
  const promise = fetch(respond(B, { status: 302, body: "secret" }), { method: "POST", body: "x" });
  promise.catch(() => {});
  await user.decide(t, "not-now");
  await rejects(t, promise);
}, "It is asked about: POST");

user_test(async (t) => {
  const response = await user.fetch(t, "once", respond(B, { status: 302, body: "text" }), { method: "PUT", body: "x" });
  assert_equals(await response.text(), "text");
  assert_equals((await user.ledger()).length, 1, "the ledger has it");
}, "It is read if that is allowed: PUT");

user_test(async (t) => {
  const promise = fetch(redirect(B, respond(C, { status: 302, body: "secret" })));
  promise.catch(() => {});
  const question = await user.decide(t, "not-now");
  assert_equals(question.hosts.length, 2);
  await rejects(t, promise);
}, "At the end of a chain it is asked about like any other end");

user_test(async (t) => {
  const promise = fetch(redirect(B, respond(C, { status: 302, body: "secret", header: ALLOW_ALL })));
  promise.catch(() => {});
  await user.decide(t, "not-now");
  await rejects(t, promise);
}, "A chain that ends there is asked about although the last server allows it");

user_test(async () => {
  const response = await fetch(respond(B, { status: 302, body: "text", header: ALLOW_ALL }));
  assert_equals(await response.text(), "text");
  await user.assertNotAsked();
}, "Nobody is asked where the server allows it");

user_test(async (t) => {
  await user.assertRefused(t, respond(B, { status: 302, header: "Location:https://:0:0/" }));
  await user.assertRefused(t, respond(B, { status: 302, header: ["Location:/a", "Location:/b"] }));
}, "A Location that leads nowhere is a failure");
