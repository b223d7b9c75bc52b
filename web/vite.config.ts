import { defineConfig } from "vite";

// The daemon serves this page under a policy that allows nothing inline and nothing from elsewhere:
// every asset is therefore a file of its own under /assets/, named by its content.
export default defineConfig({
  build: {
    outDir: "out/ui",
    emptyOutDir: true,
    assetsDir: "assets",
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    sourcemap: false,
  },
  server: {
    host: "127.0.0.1",
    port: 5178,
    proxy: {
      "/api": process.env["MILLRACE_URL"] ?? "http://127.0.0.1:7878",
      "/examples": process.env["MILLRACE_URL"] ?? "http://127.0.0.1:7878",
    },
  },
});
