// META: title=User-enabled CORS: a name that leads elsewhere
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// Where a name leads is played by what its address counts as. What matters is when it changes.
const TARGET = ANSWERS.once;
const PORTS = [TARGET, TEST_ORIGIN, LOCAL].map((origin) => new URL(origin).port);
const spaces = (space) => user.setAddressSpaces([...new Set(PORTS)].map((port) => `127.0.0.1:${port}=${space}`).join(","));
const METHODS = [["GET", {}], ["POST", { method: "POST", body: "x" }], ["PUT", { method: "PUT", body: "x" }]];
const isAnonymous = (record) => headerOf(record, "sec-user-enabled-cors") !== null;

for (const [title, init] of METHODS) {
  for (const space of ["local", "loopback"]) {
    user_test(async (t) => {
      await spaces(space);
      const token = newToken();
      await user.assertRefused(t, respond(TARGET, { token }), init);
      assert_false((await seen(token)).some(isAnonymous));
    }, `Before the request, to ${space}: ${title}`);

    user_test(async (t) => {
      const token = newToken();
      const promise = fetch(respond(TARGET, { token }), init);
      await user.question(t);
      await spaces(space);
      await rejects(t, promise);
      await user.assertNotAsked();
      assert_false((await seen(token)).some(isAnonymous));
    }, `Before the answer, to ${space}: ${title}`);

    user_test(async (t) => {
      await user.fetch(t, "visit", respond(TARGET), init);
      await spaces(space);
      const token = newToken();
      await user.assertRefused(t, respond(TARGET, { token }), init);
      assert_false((await seen(token)).some(isAnonymous));
    }, `After the answer, to ${space}: ${title}`);
  }

  user_test(async (t) => {
    const gate = newToken();
    const promise = fetch(respond(TARGET, { "hold-body": gate, body: "abcd" }), init);
    await user.decide(t, "visit");
    const reader = (await promise).body.getReader();
    await reader.read();
    await spaces("local");
    await rejects(t, reader.read());
    await release(gate);
  }, `While the body is read: ${title}`);

  user_test(async (t) => {
    await user.setPreference("user_cors.local_network", "warn");
    await user.fetch(t, "visit", respond(TARGET), init);
    await spaces("local");
    if (title === "GET") {
      assert_true((await user.assertAsked(t, respond(TARGET), init)).local);
    } else {
      await user.assertRefused(t, respond(TARGET), init);
    }
  }, `With the local network at warn: ${title}`);
}

user_test(async (t) => {
  const promise = fetch(redirect(TARGET, respond(ONCE_TOO)));
  await user.question(t);
  await user.setAddressSpaces("");
  await rejects(t, promise);
}, "A chain, while the user thinks");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  for (const space of ["local", "public", "loopback", "public"]) {
    await spaces(space);
    if (space === "public") {
      await user.assertRead(respond(TARGET));
    } else {
      await user.assertRefused(t, respond(TARGET));
    }
  }
}, "There and back: the permission is for where it was given");
