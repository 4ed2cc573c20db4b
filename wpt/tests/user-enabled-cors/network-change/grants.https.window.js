// META: title=User-enabled CORS: the machine moves to another network
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

for (const choice of ["visit", "always"]) {
  user_test(async (t) => {
    await user.fetch(t, choice, respond(TARGET));
    await user.networkChanged();
    const [grant] = (await user.permissions()).grants;
    assert_true(grant.suspended);
    await user.assertAsked(t, respond(TARGET));
  }, `What was allowed elsewhere asks again: ${choice}`);

  user_test(async (t) => {
    await user.setPreference("user_cors.other_network", "ignore");
    await user.fetch(t, choice, respond(TARGET));
    await user.networkChanged();
    await user.assertRead(respond(TARGET));
  }, `Unless a setting says that networks do not matter: ${choice}`);

  user_test(async (t) => {
    await user.fetch(t, choice, respond(TARGET));
    await user.networkChanged();
    await user.fetch(t, choice, respond(TARGET));
    await user.assertRead(respond(TARGET));
  }, `It is allowed there too: ${choice}`);

  user_test(async (t) => {
    await user.fetch(t, choice, respond(TARGET));
    await user.networkChanged();
    await user.setPreference("user_cors.other_network", "ignore");
    await user.assertRead(respond(TARGET));
    await user.setPreference("user_cors.other_network", "suspend");
    await user.assertAsked(t, respond(TARGET));
  }, `It is suspended, not ended: ${choice}`);
}

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  await user.networkChanged();
  await user.input();
  await user.assertRefused(t, respond(TARGET));
}, "Never holds everywhere");

user_test(async (t) => {
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  await user.networkChanged();
  await user.assertRead(respond(TARGET));
}, "So does what policy allows");

user_test(async (t) => {
  await rejects(t, fetch(respond(TARGET, { header: "Access-Control-Prevent-Origin:*;max-age=3600" })));
  await user.networkChanged();
  await user.assertRefused(t, respond(TARGET));
}, "So does a server's no");

for (const method of ["GET", "POST", "PUT"]) {
  user_test(async (t) => {
    const token = newToken();
    const promise = rejects(t, fetch(respond(TARGET, { token }), { method }));
    await user.question(t);
    const before = (await seen(token)).length;
    await user.networkChanged();
    await promise;
    await user.assertNotAsked();
    assert_equals((await seen(token)).length, before);
  }, `A question that is open ends: ${method}`);
}

user_test(async (t) => {
  for (let count = 0; count < 4; count++) {
    const promise = rejects(t, fetch(respond(TARGET)));
    await user.question(t);
    await user.networkChanged();
    await promise;
  }
  assert_array_equals((await user.permissions()).embargoes, []);
  await user.fetch(t, "once", respond(TARGET));
}, "Which is no refusal");

user_test(async (t) => {
  await user.setPreference("user_cors.other_network", "ignore");
  const promise = fetch(respond(TARGET));
  const before = await user.question(t);
  await user.networkChanged();
  assert_equals((await user.question(t)).id, before.id);
  await user.decide(t, "once");
  await promise;
}, "It stays if a setting says that networks do not matter");

for (const choice of ["once", "visit", "always"]) {
  user_test(async (t) => {
    const gate = newToken();
    const response = await user.fetch(t, choice, respond(TARGET, { "hold-body": gate, body: "abcd" }));
    const reader = response.body.getReader();
    await reader.read();
    await user.networkChanged();
    await rejects(t, reader.read());
    await release(gate);
  }, `A body that is read ends: ${choice}`);
}

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET), { method: "PUT" });
  const token = newToken();
  const url = respond(TARGET, { token });
  await fetch(url, { method: "PUT" });
  await user.networkChanged();
  await user.fetch(t, "visit", url, { method: "PUT" });
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS", "PUT", "OPTIONS", "PUT"]);
}, "A preflight's silence is forgotten");
