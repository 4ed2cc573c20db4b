// META: title=User-enabled CORS: credentials modes, authentication and URLs with credentials
// META: script=/user-enabled-cors/resources/servers.sub.js

const notPreflights = async (token) => (await seen(token)).filter((record) => !record.isPreflight);

for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(ANSWERS.once, { token }), { method, credentials: "include" }));
    const isSimple = ["GET", "HEAD", "POST"].includes(method);
    assert_equals((await notPreflights(token)).length, isSimple ? 1 : 0, "nothing is sent again");
  }, `Credentials mode include never asks: ${method}`);

  for (const credentials of ["omit", "same-origin"]) {
    promise_test(async () => {
      const token = newToken();
      const response = await fetch(respond(ANSWERS.once, { token, body: "text" }), { method, credentials });
      assert_equals(response.type, "cors");
      const records = await notPreflights(token);
      assert_equals(records.length, 1);
      assert_equals(headerOf(records[0], "cookie"), null);
      assert_equals(headerOf(records[0], "authorization"), null);
    }, `Credentials mode ${credentials} may ask: ${method}`);
  }
}

for (const [title, header] of [
  ["no Access-Control-Allow-Credentials", [ALLOW_TEST]],
  ["everybody", [ALLOW_ALL, ALLOW_CREDENTIALS]],
]) {
  promise_test(
    (t) => rejects(t, fetch(respond(ANSWERS.once, { header }), { credentials: "include" })),
    `A server that spoke of credentials is not overruled: ${title}`
  );
}

for (const [status, field] of [
  [401, "WWW-Authenticate:Basic realm=\"x\""],
  [401, "WWW-Authenticate:Digest realm=\"x\", nonce=\"y\", qop=\"auth\""],
  [401, "WWW-Authenticate:Negotiate"],
  [407, "Proxy-Authenticate:Basic realm=\"x\""],
]) {
  for (const method of ["GET", "PUT"]) {
    promise_test(async () => {
      const token = newToken();
      const response = await fetch(respond(ANSWERS.once, { token, status, header: field, body: "challenge" }), { method });
      assert_equals(response.status, status);
      assert_equals(await response.text(), "challenge");
      const records = await notPreflights(token);
      assert_equals(records.length, 1, "it is not answered");
      assert_equals(headerOf(records[0], "authorization"), null);
      assert_equals(headerOf(records[0], "proxy-authorization"), null);
      assert_false(response.headers.has("www-authenticate"));
      assert_false(response.headers.has("proxy-authenticate"));
    }, `A challenge is a response like others: ${method}, ${status}, ${field.split(" ")[0]}`);
  }
}

for (const value of ["Bearer page", "Basic eDp5", "Digest x"]) {
  promise_test(async () => {
    const token = newToken();
    await fetch(handler(ANSWERS.once, "authentication.py", { token }), { headers: { Authorization: value } });
    const records = await notPreflights(token);
    assert_equals(records.length, 1);
    assert_equals(headerOf(records[0], "authorization"), value);
  }, `What the page sets is the page's own: Authorization: ${value}`);
}

for (const [title, change] of [
  ["a name", (url) => (url.username = "user")],
  ["a password", (url) => (url.password = "secret")],
]) {
  promise_test(async (t) => {
    const token = newToken();
    const url = new URL(respond(ANSWERS.once, { token }));
    change(url);
    await rejects(t, Promise.resolve().then(() => fetch(url.href)));
    const xhr = new XMLHttpRequest();
    xhr.open("GET", url.href);
    await new Promise((resolve) => {
      xhr.onloadend = resolve;
      xhr.send();
    });
    assert_equals(xhr.status, 0);
    assert_true((await seen(token)).every((record) => headerOf(record, "authorization") === null));
  }, `A URL with ${title} is not asked about`);
}

promise_test(async () => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(ANSWERS.once), true, "user", "secret");
  await new Promise((resolve) => {
    xhr.onloadend = resolve;
    xhr.send();
  });
  assert_equals(xhr.status, 0);
}, "Nor is an XMLHttpRequest with a user and a password");
