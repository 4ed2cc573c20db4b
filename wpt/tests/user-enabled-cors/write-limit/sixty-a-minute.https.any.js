// META: title=User-enabled CORS: a permission is good for 60 writes a minute
// META: script=/user-enabled-cors/resources/servers.sub.js

const counted = async (token, method) => (await seen(token)).filter((record) => record.method === method).length;

promise_test(async (t) => {
  const token = newToken();
  await fetch(respond(ANSWERS.visit), { method: "PUT" });
  const statuses = [];
  for (let count = 0; count < 59; count++) {
    statuses.push((await fetch(respond(ANSWERS.visit, { token }), { method: "PUT" })).status);
  }
  assert_equals(await counted(token, "PUT"), 59);
  await rejects(t, fetch(respond(ANSWERS.visit, { token }), { method: "PUT" }));
  assert_equals(await counted(token, "PUT"), 59, "the 61st within a minute is not sent");
  const response = await fetch(respond(ANSWERS.visit, { body: "read" }));
  assert_equals(await response.text(), "read", "reading is not limited");
}, "A permission is good for 60 writes a minute");
