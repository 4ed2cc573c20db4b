// META: title=User-enabled CORS: redirects: to whom nothing is sent before anybody is asked
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const [B, C] = [ANSWERS.visit, ANSWERS.once];

// A redirect that was made with credentials in mind cannot be followed as it is. It is asked for again only if all else is so
// that the user could be asked.
for (const [title, init] of [
  ["credentials", { credentials: "include" }],
  ["credentials, and a HEAD", { credentials: "include", method: "HEAD" }],
]) {
  user_test(async (t) => {
    const [first, second] = [newToken(), newToken()];
    await user.assertRefused(t, redirect(B, respond(C, { token: second }), { token: first }), init);
    assert_equals((await seen(first)).length, 1, "it is sent once");
    assert_array_equals(await seen(second), []);
  }, `A request with ${title} is not sent anew`);
}

user_test(async (t) => {
  const url = (tokens) => redirect(B, respond(C, { token: tokens[1] }), { token: tokens[0] });
  await user.setPreference("user_cors.enabled", false);
  for (const init of [{}, { credentials: "include" }]) {
    const tokens = [newToken(), newToken()];
    await user.assertRefused(t, url(tokens), init);
    const records = await seen(tokens[0]);
    assert_equals(records.length, 1, "it is sent once");
    assert_equals(headerOf(records[0], "sec-user-enabled-cors"), null);
    assert_array_equals(await seen(tokens[1]), []);
  }
}, "Where the feature is off, redirects are what they always were");

user_test(async (t) => {
  const [first, second] = [newToken(), newToken()];
  const frame = document.createElement("iframe");
  frame.src = respond(TEST_ORIGIN, { type: "text/html" });
  t.add_cleanup(() => frame.remove());
  await new Promise((resolve) => {
    frame.onload = resolve;
    document.body.append(frame);
  });
  const url = redirect(B, respond(C, { token: second }), { token: first });
  for (const init of [{}, { credentials: "include" }]) {
    await frame.contentWindow.fetch(url, init).then(
      () => assert_unreached("it is read"),
      () => {}
    );
  }
  assert_equals((await seen(first)).length, 2, "each is sent once");
  assert_array_equals(await seen(second), []);
}, "A frame's redirects are not followed");

user_test(async (t) => {
  const token = newToken();
  await user.block(new URL(C).hostname);
  await user.assertRefused(t, redirect(B, respond(C, { token })));
  assert_array_equals(await seen(token), []);
}, "A target on a blocklist");

user_test(async (t) => {
  const token = newToken();
  const promise = fetch(respond(C));
  promise.catch(() => {});
  await user.decide(t, "never");
  await rejects(t, promise);
  await user.assertRefused(t, redirect(B, respond(C, { token })));
  assert_array_equals(await seen(token), []);
}, "A target that is never to be read");

user_test(async (t) => {
  const token = newToken();
  await user.assertRefused(t, respond(C, { header: "Access-Control-Prevent-Origin:*;max-age=600" }));
  await user.assertRefused(t, redirect(B, respond(C, { token })));
  assert_array_equals(await seen(token), []);
}, "A target that opted out for a while");

user_test(async (t) => {
  const token = newToken();
  const blocked = new URL(C).origin;
  await user.policy({ BlockedTargets: [blocked] });
  await user.assertRefused(t, redirect(B, respond(C, { token })));
  assert_array_equals(await seen(token), []);
}, "A target that policy blocks");
