// Shows the OpenAPI document of the version chosen, and sends that version with whatever is tried out.
"use strict";

(() => {
  const { openapi, path, header, query } = document.body.dataset;
  // What a proxy put before all paths, and takes off again.
  const prefix = new URL(openapi, document.baseURI).pathname.slice(0, -path.length);
  const select = document.getElementById("version");
  const link = document.getElementById("document");

  function documentUrl(version) {
    const url = new URL(openapi, document.baseURI);
    if (query) url.searchParams.set(query, version);
    return url.href;
  }

  function show() {
    const version = select.value;
    link.href = documentUrl(version);
    SwaggerUIBundle({
      url: link.href,
      dom_id: "#docs",
      deepLinking: true,
      displayRequestDuration: true,
      defaultModelsExpandDepth: 0,
      layout: "BaseLayout",
      presets: [SwaggerUIBundle.presets.apis],
      validatorUrl: null,
      requestInterceptor: (request) => {
        const names = Object.keys(request.headers).map((name) => name.toLowerCase());
        if (!names.includes(header.toLowerCase())) request.headers[header] = version;
        const url = new URL(request.url, document.baseURI);
        if (url.origin === location.origin && !url.pathname.startsWith(`${prefix}/`)) {
          url.pathname = prefix + url.pathname;
          request.url = url.href;
        }
        return request;
      },
    });
  }

  select.addEventListener("change", () => {
    const url = new URL(location.href);
    url.searchParams.set("version", select.selectedOptions[0].dataset.link);
    history.replaceState(null, "", url);
    document.querySelector(".notice")?.remove();
    show();
  });
  show();
})();
