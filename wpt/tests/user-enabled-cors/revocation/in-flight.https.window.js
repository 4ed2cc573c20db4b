// META: title=User-enabled CORS: revoking while a body is read
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/other-tab.js

const TARGET = ANSWERS.once;

// A body of which half has come: { reader, gate }.
async function begin(t, choice, init) {
  const gate = newToken();
  const response = await user.fetch(t, choice, respond(TARGET, { "hold-body": gate, body: "abcd" }), init);
  const reader = response.body.getReader();
  assert_equals(new TextDecoder().decode((await reader.read()).value), "ab");
  return { reader, gate };
}

const WAYS = [
  ["the pair is revoked", () => user.revoke({ requester: TEST_ORIGIN, target: TARGET })],
  ["the target is revoked", () => user.revoke({ target: TARGET })],
  ["the requester is revoked", () => user.revoke({ requester: TEST_ORIGIN })],
  ["all is revoked", () => user.revokeAll()],
  ["the pair is reset", () => user.reset(TEST_ORIGIN, TARGET)],
  ["the target is blocked", () => user.block(TARGET)],
  ["policy blocks the target", () => user.policy({ BlockedTargets: [TARGET] })],
  ["policy blocks the page", () => user.policy({ BlockedRequesters: [TEST_ORIGIN] })],
  ["the feature is switched off", () => user.setPreference("user_cors.enabled", false)],
  ["policy switches it off", () => user.policy({ Enabled: false })],
  ["the policy is wrong", () => user.setPolicy("{")],
  ["the machine moves to another network", () => user.networkChanged()],
];

for (const choice of ["once", "visit", "always"]) {
  for (const [title, revoke] of WAYS) {
    user_test(async (t) => {
      const { reader, gate } = await begin(t, choice);
      await revoke();
      await rejects(t, reader.read());
      await release(gate);
    }, `The body ends when ${title}: ${choice}`);
  }

  user_test(async (t) => {
    const { reader, gate } = await begin(t, choice);
    await user.revoke({ target: ONCE_TOO });
    await user.block(ONCE_TOO);
    await user.setPreference("user_cors.local_network", "warn");
    await user.policy({ BlockedTargets: [ANSWERS.visit] });
    await release(gate);
    assert_equals(new TextDecoder().decode((await reader.read()).value), "cd");
    assert_true((await reader.read()).done);
  }, `It goes on when something else changes: ${choice}`);
}

user_test(async (t) => {
  const { reader, gate } = await begin(t, "visit", { method: "PUT", body: "x" });
  await user.revokeAll();
  await rejects(t, reader.read());
  await release(gate);
}, "The body of a response to an anonymous request ends too");

user_test(async (t) => {
  const gate = newToken();
  const response = await fetch(respond(TARGET, { "hold-body": gate, body: "abcd", header: ALLOW_ALL }));
  const reader = response.body.getReader();
  await reader.read();
  await user.revokeAll();
  await user.block(TARGET);
  await release(gate);
  assert_equals(new TextDecoder().decode((await reader.read()).value), "cd");
}, "What the server allows is not the user's to revoke");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET), { method: "PUT" });
  const hold = newToken();
  const token = newToken();
  const promise = rejects(t, fetch(respond(TARGET, { token, hold }), { method: "PUT" }));
  await eventually(t, async () => (await seen(token)).some((record) => record.method === "PUT"), "it was sent");
  await user.revokeAll();
  await release(hold);
  await promise;
}, "A request that was sent and not answered yet fails");

for (const [title, revoke] of WAYS) {
  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET), { method: "PUT" });
    const hold = newToken();
    const token = newToken();
    const promise = rejects(t, fetch(respond(TARGET, { token, hold }), { method: "PUT" }));
    await eventually(t, async () => (await seen(token)).some((record) => record.method === "PUT"), "it was sent");
    await revoke();
    // The server has not answered, and does not need to.
    await promise;
    await release(hold);
  }, `A request that was sent ends when ${title}`);
}

user_test(async (t) => {
  const hold = newToken();
  await user.fetch(t, "visit", respond(TARGET), { method: "PUT" });
  const token = newToken();
  const promise = rejects(t, fetch(respond(TARGET, { token, "preflight-hold": hold }), { method: "PUT" }));
  await eventually(t, async () => (await seen(token)).length > 0, "its preflight was sent");
  await user.reset(TEST_ORIGIN, TARGET);
  await user.block(TARGET);
  await release(hold);
  await promise;
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
}, "One whose preflight is under way is not sent");

user_test(async (t) => {
  for (const target of [TARGET, ANSWERS.visit]) {
    await user.fetch(t, "visit", respond(target), { method: "POST", body: "x" });
  }
  const hold = newToken();
  const token = newToken();
  const end = respond(ANSWERS.visit, { header: ALLOW_ALL });
  const middle = redirect(TARGET, end, { status: 307, header: ALLOW_ALL, hold, token });
  const promise = rejects(t, fetch(redirect(TARGET, middle, { status: 307 }), { method: "POST", body: "x" }));
  await eventually(t, async () => (await seen(token)).length > 0, "the second request of the chain was sent");
  await user.revoke({ target: TARGET });
  await release(hold);
  await promise;
}, "A chain fails when the permission for its first server is taken back on the way");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET), { method: "POST", body: "x" });
  const hold = newToken();
  const [token, second] = [newToken(), newToken()];
  const middle = redirect(TARGET, respond(TARGET, { token: second }), { status: 307, hold, token });
  const promise = rejects(t, fetch(redirect(TARGET, middle, { status: 307 }), { method: "POST", body: "x" }));
  await eventually(t, async () => (await seen(token)).length > 0, "the second request of the chain was sent");
  await user.block(TARGET);
  await release(hold);
  await promise;
  assert_array_equals(await seen(second), []);
}, "A chain sends nothing to a server that was blocked on the way");

// An XMLHttpRequest of which half has come when all is revoked, and the event that it ends with.
async function revokedXhr(t) {
  const gate = newToken();
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET, { "hold-body": gate, body: "abcd" }));
  const ended = new Promise((resolve) => (xhr.onload = xhr.onerror = (event) => resolve(event.type)));
  xhr.send();
  await user.decide(t, "visit");
  await eventually(t, () => xhr.readyState >= XMLHttpRequest.HEADERS_RECEIVED, "it has begun");
  await user.revokeAll();
  const type = await ended;
  await release(gate);
  return { xhr, type };
}

user_test(async (t) => {
  const { xhr, type } = await revokedXhr(t);
  assert_equals(type, "error");
  assert_equals(xhr.status, 0);
}, "XMLHttpRequest ends with an error");

user_test(async (t) => {
  const { xhr } = await revokedXhr(t);
  assert_equals(xhr.responseText, "");
}, "XMLHttpRequest then has no text");

user_test(async (t) => {
  const tab = await openTab(t);
  const gate = newToken();
  const url = respond(TARGET, { "hold-body": gate, body: "abcd" });
  const result = tab.run((url) => fetch(url).then((response) => response.text()).catch((error) => error.name), url);
  await tab.user.decide(t, "always");
  await eventually(t, async () => (await user.permissions()).grants.length === 1, "it is allowed");
  await user.revokeAll();
  assert_equals(await result, "TypeError");
  await release(gate);
}, "In another tab");
