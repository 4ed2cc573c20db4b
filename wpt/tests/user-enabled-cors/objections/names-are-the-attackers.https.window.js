// META: title=User-enabled CORS: an objection: grants for names are useless, as the attacker controls DNS
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// Where a name leads is played by what its address counts as: the same server is on the Internet first and then is not.
const TARGET = ANSWERS.once;
const PORTS = [TARGET, LOCAL].map((origin) => new URL(origin).port);
const spaces = (space) => user.setAddressSpaces(PORTS.map((port) => `127.0.0.1:${port}=${space}`).join(","));

for (const choice of ["visit", "always"]) {
  user_test(async (t) => {
    await user.fetch(t, choice, respond(TARGET));
    await spaces("local");
    await user.assertRefused(t, respond(TARGET));
    await spaces("public");
    await user.assertRead(respond(TARGET));
  }, `A name that was allowed and leads into the local network is not read: ${choice}`);

  user_test(async (t) => {
    const put = { method: "PUT", body: "x" };
    await user.fetch(t, choice === "always" ? "visit" : choice, respond(TARGET), put);
    await spaces("local");
    const token = newToken();
    await user.assertRefused(t, respond(TARGET, { token }), put);
    assert_false((await seen(token)).some((record) => record.method === "PUT"), "nothing is sent there");
  }, `Nor is anything sent there: ${choice}`);
}

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await spaces("local");
  await rejects(t, promise);
  await user.assertNotAsked();
}, "A name that leads elsewhere while the user thinks ends the question");

user_test(async (t) => {
  const gate = newToken();
  const promise = fetch(respond(TARGET, { "hold-body": gate, body: "abcd" }));
  await user.decide(t, "visit");
  const reader = (await promise).body.getReader();
  await reader.read();
  await spaces("local");
  await rejects(t, reader.read());
  await release(gate);
}, "One that leads elsewhere while a body is read ends it");

user_test(async (t) => {
  await user.setPreference("user_cors.local_network", "warn");
  await user.fetch(t, "visit", respond(TARGET));
  await spaces("local");
  const question = await user.assertAsked(t, respond(TARGET));
  assert_equals(question.local, true);
}, "What was allowed on the Internet is another thing in the local network");

user_test(async (t) => {
  await user.setPreference("user_cors.local_network", "warn");
  const promise = fetch(respond(LOCAL));
  await user.question(t);
  await user.openChip();
  await user.look();
  await user.confirm();
  await user.look();
  assert_true((await user.answer("visit")).accepted);
  await promise;
  await user.assertRead(respond(LOCAL));
  await spaces("public");
  const question = await user.assertAsked(t, respond(LOCAL));
  assert_equals(question.local, false);
}, "And the other way round");

user_test(async (t) => {
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  await user.assertRead(respond(TARGET));
  await spaces("local");
  await user.assertRefused(t, respond(TARGET));
}, "A pair that policy allows is on the Internet too");
