// The ways in which a page is refused: [what, url, init]. To the page they have to look the same.
function refusals() {
  const put = { method: "PUT" };
  return [
    ["the user declines", respond(ANSWERS.notNow)],
    ["the user never allows it", respond(ANSWERS.never)],
    ["the user declines a request that needs a preflight", respond(ANSWERS.notNow), put],
    ["another origin is allowed", respond(ANSWERS.once, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` })],
    ["the server opts out", respond(ANSWERS.once, { header: "Access-Control-Prevent-Origin:*" })],
    ["its opt-out does not parse", respond(ANSWERS.once, { header: "Access-Control-Prevent-Origin:(" })],
    ["its policy is same-origin", respond(ANSWERS.once, { header: "Cross-Origin-Resource-Policy:same-origin" })],
    ["its policy is same-origin, to an anonymous request", respond(ANSWERS.once, { header: "Cross-Origin-Resource-Policy:same-origin" }), put],
    ["the preflight allows less", respond(ANSWERS.once, { "preflight-header": ALLOW_TEST }), put],
    ["the anonymous request has no response", respond(ANSWERS.once, { break: "reset" }), put],
    ["the target is not public", respond(LOCAL)],
    ["there are credentials", respond(ANSWERS.once), { credentials: "include" }],
    ["the method is not one of those", respond(ANSWERS.once), { method: "PROPFIND" }],
    ["a header field may change the method", respond(ANSWERS.once), { headers: { "X-HTTP-Method-Override": "DELETE" } }],
    ["a chain leads to a target that is declined", redirect(ANSWERS.once, respond(ANSWERS.notNow))],
    ["a chain leads back to the requester", redirect(ANSWERS.once, respond(TEST_ORIGIN))],
    ["a chain leads into the local network", redirect(ANSWERS.once, respond(LOCAL))],
    ["a chain is too long", redirect(ANSWERS.once, respond(ANSWERS.once), { count: 21 })],
    ["a redirect of a declined target", redirect(ANSWERS.notNow, respond(ANSWERS.once))],
    ["a chain makes a GET of a POST", redirect(ANSWERS.once, respond(ANSWERS.notNow), { status: 303 }), { method: "POST", body: "x" }],
  ];
}

// What a plain failure of CORS looks like, without this feature playing a part: another origin is named.
const plainFailure = (parameters) =>
  respond(ANSWERS.notNow, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}`, ...parameters });
