import { computed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { reachable } from "../api/http.ts";
import { Link } from "../routing/link.tsx";
import { route } from "../routing/location.ts";
import { isAdmin, session, signOut } from "../session/session.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { Logo } from "../ui/logo.tsx";
import { ConnectionBar } from "./connection_bar.tsx";
import { daemon } from "./daemon.ts";
import { ThemeToggle } from "./theme_toggle.tsx";
import { ToastList } from "./toast_list.tsx";
import { sayFailed } from "./toasts.ts";
import "./shell.css";
import "./toasts.css";

interface Place {
  to: string;
  text: string;
  icon: IconName;
  pages: string[];
}

const everyone: Place[] = [
  { to: "/", text: "Overview", icon: "overview", pages: ["overview"] },
  { to: "/jobs", text: "Jobs", icon: "jobs", pages: ["jobs", "job"] },
  { to: "/models", text: "Models", icon: "models", pages: ["models", "model"] },
  { to: "/try", text: "Try a model", icon: "try", pages: ["try"] },
];
const admins: Place[] = [{ to: "/keys", text: "Keys", icon: "key", pages: ["keys"] }];

const places = computed(() => (isAdmin.value ? [...everyone, ...admins] : everyone));

export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <div class={reachable.value ? "shell" : "shell shell-old"}>
      <a class="skip-link" href="#main">
        Skip to the content
      </a>
      <aside class="sidebar">
        <div class="brand">
          <Link to="/" class="brand-link" label="Millrace, overview">
            <Logo size={26} />
            <span>Millrace</span>
          </Link>
          <span class="brand-theme">
            <ThemeToggle />
            <SignOut />
          </span>
        </div>
        <Navigation />
        <Footer />
      </aside>
      <div class="content">
        <ConnectionBar />
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      <ToastList />
    </div>
  );
}

function Navigation() {
  return (
    <nav class="navigation" aria-label="Pages">
      {places.value.map((place) => (
        <Link key={place.to} to={place.to} current={place.pages.includes(route.value.page)}>
          <Icon name={place.icon} />
          <span>{place.text}</span>
        </Link>
      ))}
    </nav>
  );
}

function SignOut() {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label="Sign out"
      title="Sign out"
      onClick={() => void signOut().catch(sayFailed)}
    >
      <Icon name="sign-out" />
    </button>
  );
}

function Footer() {
  const worker = daemon.value?.worker;
  const who = session.value;
  return (
    <div class="sidebar-foot">
      {daemon.value && (
        <p class="foot-line" title={worker?.reason || undefined}>
          <span
            class={`dot dot-${reachable.value ? (worker?.state ?? "unavailable") : "unavailable"}`}
            aria-hidden="true"
          />
          {reachable.value ? `Worker ${worker?.state ?? "unknown"}` : "No answer"}
          <span class="foot-version">{daemon.value.version}</span>
        </p>
      )}
      <p class="foot-line">
        <Link to="/docs">API reference</Link>
      </p>
      {who && (
        <div class="foot-who">
          <div>
            <strong>{who.name}</strong>
            <span title={`Organisation ${who.organization}`}>{who.role}</span>
          </div>
          <ThemeToggle />
          <SignOut />
        </div>
      )}
    </div>
  );
}
