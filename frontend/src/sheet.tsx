// A table to work in: numbers typed over, choices and switches in its cells, and a foot with what they add up to.

import type { VNode } from "preact";
import { Lit, plain, useSession, useWire } from "./context";
import type { Num, Pick, Sheet, SheetCell, SheetRow, Switch } from "./protocol";
import { memo } from "./share";
import { Exports, Frame, Number_, Press } from "./text";
import { Typed } from "./typed";

export const SheetFigure = memo(({ item }: { item: Sheet }): VNode => {
  const wire = useWire();
  const session = useSession();
  const removes = item.rows.some((row) => row.remove);
  const kinds = item.columns.map((_, i) => (isWords(item.rows.map(({ cells }) => cells[i])) ? "words" : undefined));
  return (
    <Frame id={item.id} kind="sheet" title={item.title} caption={item.caption}>
      <div class="scroll" tabIndex={0} role="group" aria-label={wire.word("table_of", { title: plain(item.title) })}>
        <table>
          <thead>
            <tr>
              {item.columns.map((name, i) => (
                <th scope="col" class={kinds[i]}>
                  {name}
                </th>
              ))}
              {removes && <td />}
            </tr>
          </thead>
          <tbody>
            {item.rows.map((row) => (
              <Row key={row.ref} row={row} kinds={kinds} removes={removes} />
            ))}
          </tbody>
          <tfoot>
            {item.foot.map((row) => (
              <tr>
                {row.map((cell, i) => (i === 0 ? <th scope="row">{shown(cell)}</th> : <td class={kinds[i]}>{shown(cell)}</td>))}
                {removes && <td />}
              </tr>
            ))}
          </tfoot>
        </table>
      </div>
      {item.add && (
        <Press act={item.add} class="button add">
          {item.add.label}
        </Press>
      )}
      <Exports figure={session.id("figure", item.id)} of={plain(item.title)} rows={[item.columns, ...item.rows.map(({ cells }) => cells.map(words)), ...item.foot]} />
    </Frame>
  );
});

/** Whether a column is text: not signs in the place of numbers, which come and go. */
const isWords = (cells: unknown[]): boolean => cells.every((cell) => typeof cell === "string") && cells.some((cell) => /\p{L}/u.test(String(cell)));

const Row = memo(
  ({ row, kinds, removes }: { row: SheetRow; kinds: (string | undefined)[]; removes: boolean }): VNode => (
    <Lit tag="tr" about={row.ref} class={row.off ? "off" : ""}>
      {row.cells.map((cell, i) => (i === 0 ? <th scope="row">{shown(cell)}</th> : <td class={kinds[i]}>{shown(cell)}</td>))}
      {removes && (
        <td>
          {row.remove && (
            <Press act={row.remove} class="remove" label={row.remove.label}>
              <span aria-hidden="true">×</span>
            </Press>
          )}
        </td>
      )}
    </Lit>
  ),
);

/** What a cell says, as text. */
function words(cell: SheetCell): string | Num {
  if (typeof cell === "string" || !("kind" in cell)) return cell;
  if (cell.kind === "edit") return cell.number ?? cell.text ?? "";
  return cell.kind === "pick" ? (cell.options.find((o) => o.value === cell.value)?.label ?? cell.value) : cell.value ? "×" : "";
}

function shown(cell: SheetCell): VNode | string {
  if (typeof cell === "string") return cell;
  if (!("kind" in cell)) return <Number_ number={cell} />;
  switch (cell.kind) {
    case "edit":
      return <Typed text={cell.number?.text ?? cell.text ?? ""} path={cell.path} label={cell.label} class="value" about={cell.number?.ref} number={cell.number !== undefined} />;
    case "pick":
      return <PickCell cell={cell} />;
    case "switch":
      return <SwitchCell cell={cell} />;
  }
}

function PickCell({ cell }: { cell: Pick }): VNode {
  const session = useSession();
  void session.answers.value; // a refused choice is drawn back to what holds
  return (
    <Lit tag="span" about={cell.ref} class="pick-cell">
      <select disabled={session.locked({ do: "set", path: cell.path })} aria-label={cell.label} data-path={cell.path} value={cell.value} onChange={(e) => session.act({ do: "set", path: cell.path, value: e.currentTarget.value })}>
        {cell.options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === cell.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Lit>
  );
}

function SwitchCell({ cell }: { cell: Switch }): VNode {
  const session = useSession();
  void session.answers.value;
  return (
    <label class="toggle">
      <input type="checkbox" disabled={session.locked({ do: "set", path: cell.path })} aria-label={cell.label} checked={cell.value} data-path={cell.path} onChange={(e) => session.act({ do: "set", path: cell.path, value: e.currentTarget.checked })} />
    </label>
  );
}
