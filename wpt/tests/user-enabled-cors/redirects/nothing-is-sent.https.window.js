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

user_test(async (t) => {
  const token = newToken();
  const url = redirect(B, respond(C, { token }));
  const promise = fetch(respond(B));
  promise.catch(() => {});
  await user.decide(t, "not-now");
  await rejects(t, promise);
  await user.assertRefused(t, url);
  assert_array_equals(await seen(token), [], "nothing is sent there");
  await user.input();
  await user.fetch(t, "once", url);
  assert_equals((await seen(token)).length, 1, "after input it may ask");
}, "After a no, before there was input");

// Loads a font, and makes a synchronous request, neither of which asks.
async function neitherIsRead(url) {
  if ("FontFace" in self) {
    await new FontFace("Wide", `url(${url})`).load().then(() => assert_unreached("it is loaded"), () => {});
  }
  const xhr = new XMLHttpRequest();
  xhr.open("GET", url, false);
  assert_throws_dom("NetworkError", () => xhr.send());
  await user.assertNotAsked();
}

user_test(async (t) => {
  const token = newToken();
  for (let i = 0; i < 3; i++) {
    await user.assertAsked(t, respond(ANSWERS.never));
  }
  await user.assertRefused(t, redirect(B, respond(C, { token })));
  assert_array_equals(await seen(token), []);
}, "After three of them");

user_test(async (t) => {
  const token = newToken();
  await neitherIsRead(redirect(B, respond(C, { token })));
  assert_array_equals(await seen(token), []);
}, "Of a request that may not ask");

user_test(async (t) => {
  const token = newToken();
  await user.fetch(t, "visit", respond(B));
  await neitherIsRead(redirect(B, respond(C, { token })));
  const url = redirect(B, respond(C, { token, header: ALLOW_ALL, body: "text" }));
  const xhr = new XMLHttpRequest();
  xhr.open("GET", url, false);
  xhr.send();
  assert_equals(xhr.responseText, "text");
}, "But where the first server is allowed, the second one may allow the page by itself");

user_test(async (t) => {
  const gate = newToken();
  const url = redirect(B, respond(C, { "hold-body": gate, body: "abcd" }));
  const promise = rejects(t, fetch(url));
  await user.question(t);
  await rejects(t, fetch(respond(B, { header: `Access-Control-Prevent-Origin:"${TEST_ORIGIN}";max-age=600` })));
  await user.decide(t, "visit");
  await promise;
  await release(gate);
}, "A server on the way that opts out while the user thinks");

user_test(async (t) => {
  const token = newToken();
  await user.fetch(t, "visit", respond(B));
  await user.fetch(t, "visit", respond(C));
  const xhr = new XMLHttpRequest();
  xhr.open("GET", redirect(B, respond(C, { token, body: "end" })), false);
  xhr.send();
  assert_equals(xhr.responseText, "end");
  assert_equals((await seen(token)).length, 1);
}, "One that may not ask goes where all is allowed");
