import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, describe } from "../api/http.ts";
import { ThemeToggle } from "../shell/theme_toggle.tsx";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Logo } from "../ui/logo.tsx";
import { signIn, signInNote } from "./session.ts";
import "./sign_in.css";

export function SignInPage() {
  const key = useSignal("");
  const problem = useSignal("");
  const busy = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · Millrace";
    field.current?.focus();
  }, []);

  const submit = async (event: Event) => {
    event.preventDefault();
    const value = key.value.trim();
    if (value === "") {
      problem.value = "Paste a key first.";
      field.current?.focus();
      return;
    }
    busy.value = true;
    problem.value = "";
    try {
      await signIn(value);
    } catch (failure) {
      const { title, detail } = describe(failure);
      problem.value =
        failure instanceof ApiError && failure.status === 401
          ? "This key is not valid here. It may be mistyped, expired or revoked."
          : [title, detail].filter(Boolean).join(". ");
      field.current?.select();
    } finally {
      busy.value = false;
    }
  };

  return (
    <main class="sign-in">
      <div class="sign-in-corner">
        <ThemeToggle />
      </div>
      <form class="sign-in-card" onSubmit={submit} noValidate>
        <div class="sign-in-brand">
          <Logo size={44} />
          <div>
            <h1>Millrace</h1>
            <p>Jobs in, predictions out, on your own machine.</p>
          </div>
        </div>
        {signInNote.value && (
          <p class="notice" role="status">
            {signInNote.value}
          </p>
        )}
        <Field label="Key" id="key" problem={problem.value}>
          <input
            id="key"
            ref={field}
            class="input mono"
            type="password"
            autocomplete="current-password"
            spellcheck={false}
            autocapitalize="off"
            placeholder="mr_…"
            value={key.value}
            aria-invalid={problem.value !== ""}
            aria-describedby={problem.value ? "key-problem" : undefined}
            onInput={(event) => {
              key.value = event.currentTarget.value;
            }}
          />
        </Field>
        <Button kind="primary" type="submit" busy={busy.value} wide>
          Sign in
        </Button>
        <p class="sign-in-hint">
          No key yet? On the machine itself:
          <code>millrace key create --name me --role admin</code>
        </p>
      </form>
    </main>
  );
}
