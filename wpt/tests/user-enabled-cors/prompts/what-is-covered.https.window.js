// META: title=User-enabled CORS: what an answer covers
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/many-hosts.sub.js

const TARGET = ANSWERS.once;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const classOf = (method) => (method === "HEAD" ? "GET" : method);

for (const granted of METHODS) {
  for (const method of METHODS) {
    user_test(async (t) => {
      await user.fetch(t, "visit", respond(TARGET), { method: granted });
      if (classOf(method) === classOf(granted)) {
        await user.assertRead(respond(TARGET), { method });
      } else {
        const token = newToken();
        await user.assertAsked(t, respond(TARGET, { token }), { method });
        if (!["GET", "HEAD", "POST"].includes(method)) {
          assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"], "nothing is sent");
        }
      }
    }, `A permission for ${granted}, and ${method}`);
  }

  user_test(async (t) => {
    await rejects(t, user.fetch(t, "never", respond(TARGET), { method: granted }));
    await user.input();
    for (const method of METHODS) {
      await user.assertRefused(t, respond(TARGET), { method });
    }
  }, `A denial of ${granted} is one of all methods`);
}

for (const [title, granted, asked, isCovered] of [
  ["the same", ["X-A"], ["X-A"], true],
  ["in other letters", ["X-A"], ["x-a"], true],
  ["fewer", ["X-A", "X-B"], ["X-A"], true],
  ["none", ["X-A"], [], true],
  ["another", ["X-A"], ["X-B"], false],
  ["more", ["X-A"], ["X-A", "X-B"], false],
  ["one instead of none", [], ["X-A"], false],
  ["Authorization instead of none", [], ["Authorization"], false],
  ["one that needs no permission", [], ["Accept-Language"], true],
]) {
  const headers = (names) => ({ headers: Object.fromEntries(names.map((name) => [name, "1"])) });
  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET), headers(granted));
    if (isCovered) {
      await user.assertRead(respond(TARGET), headers(asked));
    } else {
      await user.assertAsked(t, respond(TARGET), headers(asked));
    }
  }, `Header fields: ${title}`);
}

user_test(async (t) => {
  const post = (type) => ({ method: "POST", body: "x", headers: { "Content-Type": type } });
  await user.fetch(t, "visit", respond(TARGET), post("text/plain"));
  await user.assertAsked(t, respond(TARGET), post("application/json"));
}, "Header fields: a type that needs a preflight");

for (const [title, target, isCovered] of [
  ["the same origin", TARGET, true],
  ["another host of the same site", ONCE_TOO, false],
  ["another port", OTHER_PORT, false],
]) {
  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET));
    if (isCovered) {
      await user.assertRead(respond(target, { other: "path" }));
    } else {
      await user.assertAsked(t, respond(target));
    }
  }, `Targets: ${title}`);
}

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  await user.fetch(t, "visit", respond(TARGET), { method: "PUT" });
  const { grants } = await user.permissions();
  assert_array_equals(grants.flatMap((grant) => grant.methods).sort(), ["GET", "PUT"]);
  await user.assertRead(respond(TARGET));
  await user.assertRead(respond(TARGET), { method: "PUT" });
}, "Permissions add up");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  await rejects(t, user.fetch(t, "never", respond(TARGET), { method: "PUT" }));
  await user.assertRefused(t, respond(TARGET));
  assert_array_equals((await user.permissions()).grants, []);
}, "A denial takes back what was allowed");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  const response = await fetch(respond(TARGET, { header: ALLOW_ALL, body: "text" }));
  assert_equals(await response.text(), "text");
}, "A denial is none of what the server allows");
