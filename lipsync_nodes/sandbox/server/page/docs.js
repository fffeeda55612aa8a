"use strict";
// The API's documentation. Every key of the form sk_… is accepted, unless the sandbox was started with one.
const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: true,
  defaultModelsExpandDepth: 0,
  onComplete: () => ui.preauthorizeApiKey("key", "sk_sandbox_local"),
});
