import { render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import { App } from "./app.tsx";
import { findSession } from "./session/session.ts";

const root = document.getElementById("app");
if (root) render(<App />, root);
void findSession();
