// META: title=User-enabled CORS: a policy that changes
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const FORBIDDING = [
  ["Enabled", { Enabled: false }],
  ["BlockedTargets", { BlockedTargets: [TARGET] }],
  ["BlockedRequesters", { BlockedRequesters: [TEST_ORIGIN] }],
  ["AddressSpaces, with the override gone", { AddressSpaces: { "127.0.0.0/8": "local" } }, () => user.setAddressSpaces("")],
];

for (const [title, says, also] of FORBIDDING) {
  for (const method of ["GET", "POST", "PUT"]) {
    user_test(async (t) => {
      const token = newToken();
      const promise = rejects(t, fetch(respond(TARGET, { token }), { method }));
      await user.question(t);
      const before = (await seen(token)).length;
      await user.policy(says);
      await (also || (() => {}))();
      await promise;
      await user.assertNotAsked();
      assert_equals((await seen(token)).length, before, "nothing more is sent");
      assert_array_equals((await user.permissions()).embargoes, []);
    }, `A question that is open ends: ${title}, ${method}`);
  }
}

user_test(async (t) => {
  const promise = fetch(respond(TARGET, { body: "text" }));
  await user.question(t);
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  assert_equals(await (await promise).text(), "text");
  await user.assertNotAsked();
}, "A question that is open is answered: AllowedPairs");

user_test(async (t) => {
  const promise = rejects(t, fetch(respond(TARGET)));
  await user.question(t);
  await user.setPolicy("{");
  await promise;
  await user.assertNotAsked();
}, "A question that is open ends: a policy that is wrong");

user_test(async (t) => {
  const first = rejects(t, fetch(respond(TARGET)));
  await user.question(t);
  const second = fetch(respond(ONCE_TOO, { body: "text" }));
  await user.question(t, (question) => question.requests.length === 2);
  await user.policy({ BlockedTargets: [TARGET] });
  await first;
  const question = await user.question(t, (now) => now.requests.some((request) => request.state === "cancelled"));
  assert_equals(question.requests.filter((request) => request.state === "waiting").length, 1);
  await user.decide(t, "once");
  assert_equals(await (await second).text(), "text");
}, "Only what it decides");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  const before = await user.question(t);
  await user.policy({ BlockedTargets: [ONCE_TOO], MaxGrantDays: 7, Locked: true });
  const after = await user.question(t);
  assert_equals(after.id, before.id);
  await user.decide(t, "always");
  await promise;
  const [{ expires, created }] = (await user.permissions()).grants;
  assert_equals(expires - created, 7 * 24 * 3600 * 1000);
}, "A question that it does not decide stays");

user_test(async (t) => {
  await user.setPreference("user_cors.local_network", "warn");
  const promise = rejects(t, fetch(respond(LOCAL)));
  await user.question(t);
  await user.policy({ LocalNetwork: "block" });
  await promise;
  await user.assertNotAsked();
}, "A question about the local network ends: LocalNetwork");

user_test(async (t) => {
  const gate = newToken();
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  const response = await fetch(respond(TARGET, { "hold-body": gate, body: "abcd" }));
  const reader = response.body.getReader();
  await reader.read();
  await user.policy({});
  await rejects(t, reader.read());
  await release(gate);
  await user.fetch(t, "once", respond(TARGET));
}, "What a pair allowed ends with the pair");
