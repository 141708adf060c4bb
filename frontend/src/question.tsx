// Predict, then reveal: the questions of a section, and the one that is being asked.

import { useSignal, useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { plain, useSession, useWire } from "./context";
import type { Offer, Question } from "./protocol";
import { memo } from "./share";
import { Press, Text } from "./text";

export const Questions = memo(({ offers, question }: { offers: Offer[]; question: Question | undefined }): VNode | null => {
  const session = useSession();
  const wire = useWire();
  if (question) return <Asked key={question.id} question={question} />;
  if (offers.length === 0) return null;
  return (
    <div class="offers" role="group" aria-labelledby={session.id("offers")}>
      <p class="control-label" id={session.id("offers")}>
        {wire.word("predict")}
      </p>
      <ul>
        {offers.map((offer) => (
          <li key={plain(offer.text)}>
            <Press act={offer.act} class="button offer">
              <Text text={offer.text} />
            </Press>
          </li>
        ))}
      </ul>
    </div>
  );
});

const MOMENT_MS = 280;

function Asked({ question }: { question: Question }): VNode {
  const session = useSession();
  const wire = useWire();
  const leaning = useSignal<number | null>(null);
  const said = useSignal("");
  const top = useRef<HTMLHeadingElement>(null);
  const result = useRef<HTMLParagraphElement>(null);
  const latest = useRef(question);
  latest.current = question;
  const run = useRef(0);
  const id = session.id("question");
  const answered = question.chosen !== null;
  // Who asks, or answers, by a button that goes away with it, is led to what comes instead.
  useLayoutEffect(() => {
    if (session.dragging.peek() || wire.active.peek() !== session.name || wire.goal.peek() !== null) return;
    (answered ? result : top).current?.focus({ preventScroll: !answered });
  }, [answered]);
  useSignalEffect(() => {
    void session.answers.value;
    const { step } = latest.current;
    if (session.running.value !== id || !session.idle.value) return;
    if (!step) {
      session.running.value = null;
      return;
    }
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (calm) {
      session.act({ ...step, value: true }, run.current, true);
      return;
    }
    const timer = setTimeout(() => session.act(step, run.current, true), MOMENT_MS);
    return () => clearTimeout(timer);
  });
  const see = (event: Event): void => {
    event.preventDefault();
    const answer = question.answers[leaning.value ?? -1];
    if (!answer) {
      said.value = wire.word("choose_first");
      return;
    }
    run.current = session.gesture();
    session.act(answer.act, run.current);
    session.running.value = id;
  };
  return (
    <form class="question" aria-labelledby={session.id("question-text")} onSubmit={see}>
      <p class="asked" id={session.id("question-text")} tabIndex={-1} ref={top}>
        <Text text={question.text} />
      </p>
      <fieldset disabled={answered}>
        <legend class="control-label">{wire.word("what_happens")}</legend>
        {question.answers.map((answer, i) => (
          <label key={i} class={["answer", i === question.right && "right", answered && i === question.chosen && "mine"].filter(Boolean).join(" ")}>
            <input
              type="radio"
              name={session.id("answer")}
              value={String(i)}
              checked={i === (question.chosen ?? leaning.value)}
              onChange={() => {
                leaning.value = i;
                said.value = "";
              }}
            />
            <span>
              <Text text={answer.text} />
              {i === question.right && <Verdict words={wire.word("correct")} />}
              {answered && i === question.chosen && i !== question.right && <Verdict words={wire.word("yours")} />}
            </span>
          </label>
        ))}
      </fieldset>
      {answered && (
        <p class="why" tabIndex={-1} ref={result}>
          <b>{question.verdict}</b> <Text text={question.why ?? []} />
        </p>
      )}
      <div class="controls">
        {!answered && (
          <button type="submit" class="button see">
            {wire.word("see")}
          </button>
        )}
        {answered && <Press act={{ do: "ask", value: question.id }}>{wire.word("again")}</Press>}
        <Press act={{ do: "leave" }}>{wire.word("leave")}</Press>
        <span class="said" role="status">
          {said.value}
        </span>
      </div>
    </form>
  );
}

/** Behind an answer, or under it where the line is full. */
const Verdict = ({ words }: { words: string }): VNode => (
  <>
    {" "}
    <em class="verdict">· {words}</em>
  </>
);
