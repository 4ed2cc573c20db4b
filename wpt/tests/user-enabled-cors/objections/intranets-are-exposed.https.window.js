// META: title=User-enabled CORS: an objection: intranets are exposed
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// By default, without an administrator, and whatever the user says.
const PUBLIC = ANSWERS.once;
const isAnonymous = (record) => headerOf(record, "sec-user-enabled-cors") !== null;

user_test(async (t) => {
  const question = await user.assertAsked(t, respond(PUBLIC));
  assert_equals(question.local, false);
}, "The same host is asked about where it is public");

for (const [title, init] of [
  ["GET", {}],
  ["HEAD", { method: "HEAD" }],
  ["a simple POST", { method: "POST", body: "x" }],
  ["PUT", { method: "PUT", body: "x" }],
  ["DELETE", { method: "DELETE" }],
  ["a header field", { headers: { "X-Custom": "1" } }],
]) {
  user_test(async (t) => {
    const token = newToken();
    await user.assertRefused(t, respond(LOCAL, { token }), init);
    assert_false((await seen(token)).some(isAnonymous), "nothing is sent for the user");
  }, `Nobody is asked about the local network: ${title}`);

  answered_test("always", async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(LOCAL, { token }), init));
    assert_false((await seen(token)).some(isAnonymous), "nothing is sent for the user");
  }, `No yes opens it: ${title}`);
}

for (const [title, locate] of [
  ["from a public server", () => redirect(PUBLIC, respond(LOCAL))],
  ["from the page's own server", () => redirect(TEST_ORIGIN, respond(LOCAL))],
  ["from a server that allows it", () => redirect(PUBLIC, respond(LOCAL), { header: ALLOW_ALL })],
  ["by two", () => redirect(PUBLIC, redirect(ONCE_TOO, respond(LOCAL)))],
  ["and out again", () => redirect(PUBLIC, redirect(LOCAL, respond(PUBLIC)))],
]) {
  user_test((t) => user.assertRefused(t, locate()), `Nobody is asked about a redirect into it: ${title}`);
}

user_test(async (t) => {
  const image = new Image();
  image.crossOrigin = "anonymous";
  const loaded = new Promise((resolve) => (image.onload = image.onerror = (event) => resolve(event.type)));
  image.src = new URL("/user-enabled-cors/resources/green.png", LOCAL).href;
  assert_equals(await loaded, "error");
  await user.assertNotAsked();
}, "Nobody is asked about an image there");

user_test(async (t) => {
  await user.fetch(t, "always", respond(PUBLIC));
  await user.setAddressSpaces("");
  await user.assertRefused(t, respond(PUBLIC));
}, "Without overrides this machine is not public");

user_test(async (t) => {
  await user.setPreference("user_cors.local_network", "warn");
  const question = await user.assertAsked(t, respond(LOCAL));
  assert_equals(question.local, true);
  assert_equals(question.step, "warning");
  await user.setPreference("user_cors.local_network", "block");
  await user.assertRefused(t, respond(LOCAL));
}, "A setting leads to a warning first, and nothing less does");
