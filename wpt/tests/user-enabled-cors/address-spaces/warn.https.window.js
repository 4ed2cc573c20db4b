// META: title=User-enabled CORS: targets in the local network, with a warning
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const PUBLIC = ANSWERS.once;
const warned_test = (func, name) =>
  user_test(async (t) => {
    await user.setPreference("user_cors.local_network", "warn");
    await func(t);
  }, name);

// Goes through both steps.
async function decideLocally(t, choice) {
  let question = await user.question(t);
  assert_true(question.local);
  assert_equals(question.step, "warning");
  if (question.state === "chip") {
    await user.openChip();
  }
  await user.look();
  const confirmed = await user.confirm();
  assert_true(confirmed.accepted, confirmed.why);
  [question] = await user.questions();
  assert_equals(question.step, "confirmed");
  await user.look();
  const { accepted, why } = await user.answer(choice);
  assert_true(accepted, why);
  return question;
}

for (const choice of ["once", "visit"]) {
  for (const method of ["GET", "HEAD"]) {
    warned_test(async (t) => {
      const promise = fetch(respond(LOCAL, { body: "text" }), { method });
      await decideLocally(t, choice);
      assert_equals(await (await promise).text(), method === "GET" ? "text" : "");
    }, `Two steps: ${method}, ${choice}`);
  }
}

for (const choice of ["not-now", "never"]) {
  warned_test(async (t) => {
    const promise = rejects(t, fetch(respond(LOCAL)));
    await user.decide(t, choice);
    await promise;
  }, `A no at the first step: ${choice}`);

  warned_test(async (t) => {
    const promise = rejects(t, fetch(respond(LOCAL)));
    await decideLocally(t, choice);
    await promise;
  }, `A no at the second: ${choice}`);
}

warned_test(async (t) => {
  await user.input();
  const promise = rejects(t, fetch(respond(LOCAL)));
  const question = await user.question(t);
  assert_array_equals([...question.choices].sort(), ["never", "not-now"]);
  for (const choice of ["once", "visit", "always"]) {
    await user.look();
    assert_false((await user.answer(choice)).accepted, choice);
  }
  await user.decide(t, "not-now");
  await promise;
}, "The first step offers no yes");

warned_test(async (t) => {
  const promise = fetch(respond(LOCAL));
  const question = await decideLocally(t, "visit");
  assert_array_equals([...question.choices].sort(), ["never", "not-now", "once", "visit"]);
  await promise;
}, "The second offers none that lasts");

warned_test(async (t) => {
  await user.input();
  const promise = fetch(respond(LOCAL));
  await user.question(t);
  await user.look(699);
  assert_false((await user.confirm()).accepted);
  await user.look(700);
  assert_true((await user.confirm()).accepted);
  assert_false((await user.answer("once")).accepted, "a double click does not go through both");
  await user.look(699);
  assert_false((await user.answer("once")).accepted);
  await user.look(700);
  assert_true((await user.answer("once")).accepted);
  await promise;
}, "Each step is looked at");

warned_test(async (t) => {
  await user.input();
  const first = fetch(respond(LOCAL));
  await user.question(t);
  await user.look();
  await user.confirm();
  const other = ANSWERS.visit.replace(/\d+$/, new URL(LOCAL).port);
  const second = fetch(respond(other));
  const question = await user.question(t, (now) => now.hosts.length === 2);
  assert_equals(question.step, "warning", "a change goes back to the first");
  await decideLocally(t, "once");
  await Promise.all([first, second]);
}, "A change begins at the first step");

warned_test(async (t) => {
  await user.input();
  const promise = fetch(respond(PUBLIC));
  await user.question(t);
  await user.look();
  assert_false((await user.confirm()).accepted);
  await user.look();
  await user.decide(t, "once");
  await promise;
}, "A public target has one step");

for (const [title, init] of [
  ["POST", { method: "POST", body: "x" }],
  ["PUT", { method: "PUT", body: "x" }],
  ["PATCH", { method: "PATCH", body: "x" }],
  ["DELETE", { method: "DELETE" }],
]) {
  warned_test(async (t) => {
    const token = newToken();
    await user.assertRefused(t, respond(LOCAL, { token }), init);
    assert_false((await seen(token)).some((record) => headerOf(record, "sec-user-enabled-cors")));
  }, `Nothing is sent there: ${title}`);

  warned_test(async (t) => {
    const promise = fetch(respond(LOCAL));
    await decideLocally(t, "visit");
    await promise;
    await user.assertRefused(t, respond(LOCAL), init);
  }, `Not even with a permission to read: ${title}`);
}

warned_test(async (t) => {
  const promise = fetch(respond(LOCAL));
  await decideLocally(t, "visit");
  await promise;
  await user.assertRead(respond(LOCAL));
  const [grant] = (await user.permissions()).grants;
  assert_equals(grant.network, "local");
  await user.setPreference("user_cors.local_network", "block");
  await user.assertRefused(t, respond(LOCAL));
  await user.setPreference("user_cors.local_network", "warn");
  await user.assertRead(respond(LOCAL));
}, "A visit, while the setting stays");

warned_test(async (t) => {
  const promise = rejects(t, fetch(respond(LOCAL)));
  await user.question(t);
  await user.setPreference("user_cors.local_network", "block");
  await promise;
  await user.assertNotAsked();
}, "A question ends with the setting");

warned_test(async (t) => {
  await user.assertRefused(t, redirect(PUBLIC, respond(LOCAL)));
}, "A redirect into the local network is no way there");

warned_test(async (t) => {
  await user.assertRefused(t, respond(LOCAL, { header: "Access-Control-Prevent-Origin:*" }));
  await user.assertRefused(t, respond(LOCAL, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }));
}, "A server's no counts there too");

answeredLocally("always", "visit");
answeredLocally("once", "once");
function answeredLocally(answer, scope) {
  answered_test(answer, async () => {
    await user.setPreference("user_cors.local_network", "warn");
    const gate = newToken();
    const response = await fetch(respond(LOCAL, { "hold-body": gate, body: "abcd" }));
    const [grant] = (await user.permissions()).grants;
    assert_equals(grant.scope, scope);
    await release(gate);
    assert_equals(await response.text(), "abcd");
  }, `By a rule: ${answer}`);
}
