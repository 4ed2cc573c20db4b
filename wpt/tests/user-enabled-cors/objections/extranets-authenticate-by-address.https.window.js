// META: title=User-enabled CORS: an objection: intranets have public addresses, extranets authenticate by address
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const ALL = "127.0.0.0/8";

user_test(async (t) => {
  await user.setAddressSpaces("");
  await user.policy({ AddressSpaces: { [ALL]: "public" } });
  const question = await user.assertAsked(t, respond(TARGET));
  assert_equals(question.local, false);
}, "An administrator says which ranges are public");

for (const space of ["local", "loopback"]) {
  user_test(async (t) => {
    await user.setAddressSpaces("");
    await user.policy({ AddressSpaces: { [ALL]: space } });
    await user.assertRefused(t, respond(TARGET));
  }, `And which are not: ${space}`);
}

user_test(async (t) => {
  await user.setAddressSpaces("");
  await user.policy({ AddressSpaces: { [ALL]: "public", "127.0.0.1/32": "local" } });
  await user.assertRefused(t, respond(TARGET));
}, "The narrower range counts");

user_test(async (t) => {
  await user.setAddressSpaces("");
  await user.policy({ AddressSpaces: { [ALL]: "public" } });
  await user.fetch(t, "always", respond(TARGET));
  await user.policy({ AddressSpaces: { [ALL]: "local" } });
  await user.assertRefused(t, respond(TARGET));
}, "A range that is named later ends what was allowed there");

user_test(async (t) => {
  await user.setAddressSpaces("");
  await user.policy({ AddressSpaces: { [ALL]: "public" } });
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await user.policy({ AddressSpaces: { [ALL]: "local" } });
  await rejects(t, promise);
  await user.assertNotAsked();
}, "A range that is named while the user thinks ends the question");

user_test(async (t) => {
  await user.policy({ BlockedTargets: [TARGET] });
  await user.assertRefused(t, respond(TARGET));
  await user.assertAsked(t, respond(ONCE_TOO));
}, "An administrator keeps an extranet out by name");

user_test(async (t) => {
  await user.policy({ Egress: "socks5://proxy.example:1080" });
  const token = newToken();
  const promise = fetch(respond(TARGET, { token })).then(() => "read", () => "failed");
  // Whether that is an error at once, a question, or an egress that cannot be reached: nothing goes out directly for the user.
  const answered = user.decide(t, "visit").catch(() => {});
  assert_equals(await promise, "failed");
  await answered;
  assert_false((await seen(token)).some((record) => headerOf(record, "sec-user-enabled-cors")));
}, "With an egress nothing leaves from the user's own address");
