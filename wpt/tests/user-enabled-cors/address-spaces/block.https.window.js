// META: title=User-enabled CORS: targets that are not public, by default
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const PUBLIC = ANSWERS.once;
const PORT = new URL(LOCAL).port;
const PUBLIC_PORT = new URL(PUBLIC).port;
const spaces = (space) => user.setAddressSpaces(`127.0.0.1:${PORT}=${space},127.0.0.1:${PUBLIC_PORT}=public`);
const isAnonymous = (record) => headerOf(record, "sec-user-enabled-cors") !== null;
const REQUESTS = [
  ["GET", {}],
  ["HEAD", { method: "HEAD" }],
  ["POST", { method: "POST", body: "x" }],
  ["PUT", { method: "PUT", body: "x" }],
  ["DELETE", { method: "DELETE" }],
  ["a header field", { headers: { "X-Custom": "1" } }],
];

for (const space of ["local", "loopback"]) {
  for (const [title, init] of REQUESTS) {
    user_test(async (t) => {
      await spaces(space);
      const token = newToken();
      await user.assertRefused(t, respond(LOCAL, { token }), init);
      assert_false((await seen(token)).some(isAnonymous));
    }, `Nobody is asked: ${space}, ${title}`);

    user_test(async (t) => {
      await spaces("public");
      await user.fetch(t, "visit", respond(LOCAL), init);
      await spaces(space);
      const token = newToken();
      await user.assertRefused(t, respond(LOCAL, { token }), init);
      assert_false((await seen(token)).some(isAnonymous));
    }, `What was allowed while it was public: ${space}, ${title}`);
  }

  user_test(async (t) => {
    await spaces(space);
    const token = newToken();
    await user.assertRefused(t, redirect(PUBLIC, respond(LOCAL, { token })));
    assert_array_equals(await seen(token), [], "nothing is sent there");
  }, `A redirect leads there: ${space}`);
}

for (const [title, init] of REQUESTS) {
  user_test(async (t) => {
    await spaces("public");
    await user.fetch(t, "once", respond(LOCAL), init);
  }, `Public: ${title}`);
}

user_test(async () => {
  await spaces("local");
  const response = await fetch(respond(LOCAL, { header: ALLOW_ALL, body: "text" }));
  assert_equals(await response.text(), "text");
}, "What the server allows is as ever");

for (const space of ["local", "loopback"]) {
  for (const [title, init] of REQUESTS) {
    user_test(async (t) => {
      await spaces("public");
      const token = newToken();
      const promise = rejects(t, fetch(respond(LOCAL, { token, body: "text" }), init));
      await user.question(t);
      await spaces(space);
      if ((await user.questions()).length > 0) {
        await user.decide(t, "once");
      }
      await promise;
      assert_false((await seen(token)).some(isAnonymous));
      assert_array_equals(await user.ledger(), []);
    }, `What is no more public when the user has thought: ${space}, ${title}`);
  }
}
