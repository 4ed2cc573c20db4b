// META: title=User-enabled CORS: after something was revoked
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

for (const choice of ["visit", "always"]) {
  for (const [title, revoke] of [
    ["the pair", () => user.revoke({ requester: TEST_ORIGIN, target: TARGET })],
    ["all", () => user.revokeAll()],
    ["the pair, by a reset", () => user.reset(TEST_ORIGIN, TARGET)],
  ]) {
    for (const [what, init] of [["GET", {}], ["POST", { method: "POST", body: "x" }], ["a header field", { headers: { "X-Custom": "1" } }]]) {
      user_test(async (t) => {
        await user.fetch(t, choice, respond(TARGET), init);
        await user.assertRead(respond(TARGET), init);
        await revoke();
        assert_array_equals((await user.permissions()).grants, []);
        await user.assertAsked(t, respond(TARGET), init);
      }, `It is asked again: ${title}, ${choice}, ${what}`);
    }
  }
}

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  await user.fetch(t, "always", respond(ONCE_TOO));
  await user.revoke({ target: TARGET });
  await user.assertRead(respond(ONCE_TOO));
  await user.assertAsked(t, respond(TARGET));
}, "Others stay");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  await user.revokeAll();
  await user.input();
  await user.assertRefused(t, respond(TARGET));
  await user.reset(TEST_ORIGIN, TARGET);
  await user.assertAsked(t, respond(TARGET));
}, "A denial is not revoked, it is reset");

user_test(async (t) => {
  const response = await user.fetch(t, "visit", respond(TARGET, { body: "text" }));
  await user.revokeAll();
  assert_equals(response.status, 200);
  assert_true(response.headers.has("content-type"), "what a page has cannot be called back");
}, "A response that was handed over stays");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET), { method: "PUT" });
  const token = newToken();
  const url = respond(TARGET, { token });
  await fetch(url, { method: "PUT" });
  await user.revokeAll();
  const promise = fetch(url, { method: "PUT" });
  await user.decide(t, "visit");
  await promise;
  const methods = (await seen(token)).map((record) => record.method);
  assert_equals(methods.filter((method) => method === "PUT").length, 2);
}, "It can be allowed again");

user_test(async (t) => {
  const token = newToken();
  const url = respond(TARGET, { token, header: "Cache-Control:max-age=3600", body: "text" });
  await user.fetch(t, "visit", url, { headers: { "X-Custom": "1" } }).then((response) => response.text());
  await user.revokeAll();
  await rejects(t, user.fetch(t, "not-now", url, { cache: "force-cache", headers: { "X-Custom": "1" } }));
}, "Nothing comes out of a cache");

user_test(async (t) => {
  const token = newToken();
  const url = respond(TARGET, { token, header: "Cache-Control:max-age=3600", body: "text" });
  await user.fetch(t, "visit", url).then((response) => response.text());
  await user.revokeAll();
  await rejects(t, user.fetch(t, "not-now", url, { cache: "force-cache" }));
}, "Nor a response that was released");

for (const [title, how] of [
  ["blocked", [() => user.block(TARGET), () => user.unblock(TARGET)]],
  ["blocked by policy", [() => user.policy({ BlockedTargets: [TARGET] }), () => user.setPolicy(null)]],
  ["switched off", [() => user.setPreference("user_cors.enabled", false), () => user.setPreference("user_cors.enabled", true)]],
]) {
  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET));
    await how[0]();
    await user.assertRefused(t, respond(TARGET));
    await how[1]();
    await user.assertRead(respond(TARGET));
  }, `What was ${title} for a while is allowed again afterwards`);
}
