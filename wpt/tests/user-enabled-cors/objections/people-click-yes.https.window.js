// META: title=User-enabled CORS: an objection: people click yes
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// People do. So this person says the longest yes to everything, and what comes of it is bounded all the same.
const TARGET = ANSWERS.once;
const DAY = 24 * 3600 * 1000;

answered_test("always", async () => {
  const response = await fetch(respond(TARGET, { body: "text" }));
  assert_equals(await response.text(), "text");
}, "A yes gives what a silent server says");

for (const [title, url, init] of [
  ["a server without TLS", () => respond(INSECURE)],
  ["the local network", () => respond(LOCAL)],
  ["a chain into the local network", () => redirect(TARGET, respond(LOCAL))],
  ["what is behind a login", () => respond(TARGET), { credentials: "include" }],
  ["a server that names another origin", () => respond(TARGET, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` })],
  ["a server that opts out", () => respond(TARGET, { header: "Access-Control-Prevent-Origin:*" })],
  ["a server whose policy is same-origin", () => respond(TARGET, { header: "Cross-Origin-Resource-Policy:same-origin" })],
  ["a method that is not listed", () => respond(TARGET), { method: "PROPFIND" }],
  ["a header field that changes what a server does", () => respond(TARGET), { headers: { "X-HTTP-Method-Override": "DELETE" } }],
]) {
  answered_test("always", (t) => rejects(t, fetch(url(), init)), `A yes does not give: ${title}`);
}

answered_test("always", async () => {
  const name = `yes${Date.now()}`;
  const allowed = [ALLOW_TEST, ALLOW_CREDENTIALS];
  const echo = (init, header = []) => fetch(handler(TARGET, "echo.py", { header }), init).then((response) => response.json());
  await fetch(handler(TARGET, "cookies.py", { set: `${name}=1; Path=/; Secure; SameSite=None`, header: allowed }), { credentials: "include" });
  assert_true(headerOf(await echo({ credentials: "include" }, allowed), "cookie").includes(name), "the cookie is there");
  for (const init of [{}, { method: "POST", body: "x" }, { method: "PUT" }]) {
    assert_equals(headerOf(await echo(init), "cookie"), null);
  }
}, "A yes does not lend the user's cookies");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.assertRead(respond(TARGET));
  const question = await user.assertAsked(t, respond(ONCE_TOO));
  assert_array_equals(question.hosts, [ONCE_TOO], "a neighbour has not been allowed");
}, "A yes is for one target");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.assertAsked(t, respond(TARGET), { method: "POST", body: "x" });
}, "A yes to reading is none to sending");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.assertAsked(t, respond(TARGET), { headers: { "X-Custom": "1" } });
}, "A yes is for the header fields that were shown");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.advance(30 * DAY + 1);
  await user.assertAsked(t, respond(TARGET));
}, "A yes that is not used ends after 30 days");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  for (let day = 0; day < 180; day += 20) {
    await user.assertRead(respond(TARGET));
    await user.advance(20 * DAY);
  }
  await user.advance(1);
  await user.assertAsked(t, respond(TARGET));
}, "A yes that is used ends after 180 days");

user_test(async (t) => {
  const response = await user.fetch(t, "always", respond(TARGET, { body: "text" }));
  await response.text();
  await eventually(t, async () => (await user.ledger()).length === 1, "it is on record");
  const [record] = await user.ledger();
  assert_equals(record.requester, TEST_ORIGIN);
  assert_equals(record.target, TARGET);
}, "What a yes gave is on record");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  const { grants } = await user.permissions();
  assert_equals(grants.length, 1);
  await user.revoke({ requester: TEST_ORIGIN, target: TARGET });
  assert_array_equals((await user.permissions()).grants, []);
  await user.assertAsked(t, respond(TARGET));
}, "A yes can be taken back");
