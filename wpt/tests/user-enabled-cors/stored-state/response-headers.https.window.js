// META: title=User-enabled CORS: header fields of a response change no stored state
// META: script=/user-enabled-cors/resources/servers.sub.js

const WITH_CREDENTIALS = [ALLOW_TEST, ALLOW_CREDENTIALS];
// What is sent for the user: after a silent preflight.
const anonymously = (header, parameters) => fetch(respond(ANSWERS.once, { header, body: "text", ...parameters }), { method: "PUT" });

for (const directive of ["\"cookies\"", "\"storage\"", "\"*\""]) {
  promise_test(async () => {
    const name = `kept${Date.now()}`;
    const url = handler(ANSWERS.once, "cookies.py", { set: `${name}=1; Path=/; Secure; SameSite=None`, header: WITH_CREDENTIALS });
    await fetch(url, { credentials: "include" });
    await anonymously(`Clear-Site-Data:${directive}`);
    const echo = await fetch(handler(ANSWERS.once, "echo.py", { header: WITH_CREDENTIALS }), { credentials: "include" });
    assert_true((headerOf(await echo.json(), "cookie") || "").includes(name));
  }, `Clear-Site-Data: ${directive} clears nothing`);
}

promise_test(async () => {
  const token = newToken();
  const linked = respond(ANSWERS.once, { token, type: "text/css" });
  const response = await anonymously([`Link:<${linked}>; rel=preload; as=style`, `Link:<${linked}&2>; rel=stylesheet`]);
  await response.text();
  await anonymously("X-Custom:1");
  assert_array_equals(await seen(token), []);
}, "Link loads nothing");

promise_test(async () => {
  const before = location.href;
  const response = await anonymously(`Refresh:0;url=${respond(TEST_ORIGIN)}`);
  assert_true(response.headers.has("refresh"), "the page sees it");
  await anonymously("X-Custom:1");
  assert_equals(location.href, before);
}, "Refresh leads nowhere");

promise_test(async () => {
  const token = newToken();
  const header = [
    `Report-To:{"group":"default","max_age":600,"endpoints":[{"url":"${respond(ANSWERS.once, { token })}"}]}`,
    "NEL:{\"report_to\":\"default\",\"max_age\":600,\"success_fraction\":1.0}",
  ];
  await anonymously(header);
  await anonymously("X-Custom:1");
  assert_array_equals(await seen(token), []);
}, "NEL reports nothing");

promise_test(async () => {
  await anonymously("Accept-CH:Sec-CH-UA-Model, Sec-CH-UA-Arch, Downlink");
  const response = await fetch(handler(ANSWERS.once, "echo.py"));
  const record = await response.json();
  for (const name of ["sec-ch-ua-model", "sec-ch-ua-arch", "downlink"]) {
    assert_equals(headerOf(record, name), null);
  }
}, "Accept-CH asks for nothing");

promise_test(async () => {
  const here = new URL(ANSWERS.once).port;
  const elsewhere = new URL(LOCAL).port;
  await anonymously(`Alt-Svc:http/1.1=":${elsewhere}"; ma=600`);
  for (const init of [{}, { method: "PUT" }]) {
    const token = newToken();
    await fetch(respond(ANSWERS.once, { token }), init);
    for (const record of await seen(token)) {
      assert_equals(String(record.connection.port), here);
    }
  }
}, "Alt-Svc leads nowhere");

promise_test(async () => {
  const url = respond(ANSWERS.once, { header: "Content-Security-Policy:default-src 'none'", body: "text" });
  assert_equals(await (await fetch(url)).text(), "text");
  assert_equals(await (await fetch(respond(ANSWERS.once, { body: "again" }))).text(), "again");
}, "Content-Security-Policy of a response is no policy of the page");
