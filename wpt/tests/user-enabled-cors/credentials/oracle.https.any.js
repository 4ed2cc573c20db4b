// META: title=User-enabled CORS: whether there are credentials makes no difference
// META: script=/user-enabled-cors/resources/servers.sub.js

// The invariant of non-interference: two runs that differ only in the cookies that the target has set before.
const WITH_CREDENTIALS = [ALLOW_TEST, ALLOW_CREDENTIALS];
const withoutVarying = (record) => ({
  method: record.method,
  body: record.body,
  headers: record.headers.filter(([name]) => name !== "cookie").map(([name, value]) => `${name}: ${value}`),
});

async function run(origin, init) {
  const token = newToken();
  const url = respond(origin, { token, body: "text" });
  const outcome = await fetch(url, init).then(
    async (response) => [response.type, response.status, await response.text()],
    (error) => [error.name, error.message]
  );
  return JSON.stringify({ outcome, seen: (await seen(token)).map(withoutVarying) });
}

async function clearCookies(origin, names) {
  const set = names.map((name) => `${name}=; Path=/; Secure; SameSite=None; Max-Age=0`);
  await fetch(handler(origin, "cookies.py", { set, header: WITH_CREDENTIALS }), { credentials: "include" });
}

for (const answer of ["once", "notNow", "never"]) {
  for (const credentials of ["omit", "same-origin", "include"]) {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      promise_test(async (t) => {
        const origin = ANSWERS[answer];
        const without = await run(origin, { method, credentials });
        await fetch(
          handler(origin, "cookies.py", { set: "oracle=1; Path=/; Secure; SameSite=None", header: WITH_CREDENTIALS }),
          { credentials: "include" }
        );
        t.add_cleanup(() => clearCookies(origin, ["oracle"]));
        assert_equals(await run(origin, { method, credentials }), without);
      }, `The same with and without cookies: ${method}, ${credentials}, answered ${answer}`);
    }
  }
}
