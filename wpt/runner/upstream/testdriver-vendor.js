// The vendor's part of upstream's testdriver.js: what a page can do for itself, in any browser.
(function () {
  "use strict";

  // How long the Set-Cookie headers of one response are together: they are all in its URL.
  const MOST_BYTES = 16000;

  // A path, and those of all folders that it is in, with and without a slash.
  const withParents = (path) => {
    const parts = path.split("/");
    return parts.flatMap((_, index) => {
      const start = parts.slice(0, index + 1).join("/");
      return [start, `${start}/`];
    });
  };

  // NB: Python leaves out what it takes for malformed, and script what is HttpOnly.
  const names = async () => {
    const seen = document.cookie.split("; ").filter(Boolean);
    const byScript = seen.map((pair) => (pair.includes("=") ? pair.slice(0, pair.indexOf("=")) : ""));
    const response = await fetch("/cookies/resources/list.py", { credentials: "include" });
    return new Set([...byScript, ...Object.keys(await response.json())]);
  };

  // Deletes the cookies of the page's host, and of those above it, in the folders that tests of cookies use.
  window.test_driver_internal.delete_all_cookies = async () => {
    const host = location.hostname;
    const labels = host.split(".");
    const domains = labels.slice(0, -1).map((_, index) => labels.slice(index).join("."));
    const paths = new Set([...withParents(location.pathname), ...withParents("/cookies/resources")]);
    paths.delete("");
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const headers = [];
    for (const name of await names()) {
      for (const path of paths) {
        const cookie = `${name}=${name ? "" : "x"}; Max-Age=0; Path=${path}${secure}`;
        headers.push(cookie, ...domains.map((domain) => `${cookie}; Domain=${domain}`));
        if (secure) {
          headers.push(`${cookie}; Partitioned`);
        }
      }
    }
    while (headers.length > 0) {
      const some = [headers.shift()];
      let bytes = some[0].length;
      while (headers.length > 0 && (bytes += headers[0].length) < MOST_BYTES) {
        some.push(headers.shift());
      }
      const set = encodeURIComponent(JSON.stringify(some));
      await fetch(`/cookies/resources/cookie.py?set=${set}`, { credentials: "include" });
    }
  };
})();
