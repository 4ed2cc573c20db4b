// META: title=User-enabled CORS: with an egress nothing goes out directly
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// The proxy of these tests is never reached: what matters is what the servers do not see.
const TARGET = ANSWERS.once;
const isAnonymous = (record) => headerOf(record, "sec-user-enabled-cors") !== null;
const EGRESSES = ["http://proxy.example:3128", "socks5://proxy.example:1080"];

for (const egress of EGRESSES) {
  for (const [title, init] of [["GET", {}], ["POST", { method: "POST", body: "x" }], ["PUT", { method: "PUT", body: "x" }]]) {
    answered_test("visit", async (t) => {
      await user.policy({ Egress: egress });
      const token = newToken();
      await rejects(t, fetch(respond(TARGET, { token }), init));
      assert_false((await seen(token)).some(isAnonymous));
      assert_array_equals(await user.ledger(), []);
    }, `An egress that is down is a failure: ${egress}, ${title}`);
  }

  answered_test("visit", async (t) => {
    const held = respond(TARGET, { token: newToken(), body: "held" });
    await user.policy({ Egress: egress });
    await rejects(t, fetch(held));
  }, `Nothing that was held from a direct exchange is released: ${egress}`);

  answered_test("visit", async () => {
    await user.policy({ Egress: egress });
    const response = await fetch(respond(TARGET, { header: ALLOW_ALL, body: "text" }));
    assert_equals(await response.text(), "text");
  }, `What the server allows goes as ever: ${egress}`);
}

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.policy({ Egress: EGRESSES[0] });
  const token = newToken();
  await rejects(t, fetch(respond(TARGET, { token })));
  assert_false((await seen(token)).some(isAnonymous));
  await user.policy({});
  await user.assertRead(respond(TARGET));
}, "A permission that was given for the direct way does not go around it");
