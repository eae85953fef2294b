import { tabNumber } from './my-tabs.ts';
import type { Office } from './office.ts';
import { useStore } from './store.ts';
import { useClient } from './use-client.ts';

/** Which tabs the user has open, and which of them have a line. */
export function TabsCard({ office }: { readonly office: Office }) {
  const tabs = useStore(office.tabs);
  const { id, connection } = useClient(office.client);
  const online = connection.value === 'online';
  return (
    <section className="card tabs" aria-labelledby="tabs">
      <h2 id="tabs" className="section-title">
        Your tabs
      </h2>
      {tabs.length === 0 ? (
        <p className="empty">None has come in yet.</p>
      ) : (
        <ul className="tab-list" data-stale={!online}>
          {tabs.map((tab) => (
            <li key={tab.clientId} data-online={tab.online && (tab.clientId !== id || online)}>
              <span className="tab-number">{tabNumber(tab.clientId)}</span>
              <span>
                {tab.clientId === id ? 'This one' : 'Another one'}
                <span className="tab-state">
                  {tab.online && (tab.clientId !== id || online) ? 'here' : 'line down'}
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {!online && tabs.length > 0 && <p className="small">As it was when the line went.</p>}
    </section>
  );
}
