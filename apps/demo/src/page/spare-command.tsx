import { useEffect, useState } from 'react';
import { type SpareThermometer, spareCommand } from '../shared/spare-command.ts';
import type { Announcer } from './announcer.ts';
import { type Store, useStore } from './store.ts';

interface SpareCommandProps {
  readonly spare: Store<SpareThermometer | undefined>;
  readonly announcer: Announcer;
}

const COPIED_MS = 2_000;

/** How to be the spare thermometer. */
export function SpareCommand({ spare, announcer }: SpareCommandProps) {
  const thermometer = useStore(spare);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  if (thermometer === undefined) return null;
  const command = spareCommand(thermometer);
  const copy = async () => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    announcer.say('The command is copied.');
  };
  return (
    <div className="spare">
      <p>
        Devices come in by MQTT, on port <strong>{thermometer.port}</strong> of this machine. At a terminal
        you are one, with Mosquitto’s client; the number is yours to choose:
      </p>
      <pre className="spare-command">
        <code>{command}</code>
      </pre>
      <button type="button" className="button quiet small-button" onClick={() => void copy().catch(() => {})}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
