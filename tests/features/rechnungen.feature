# language: de
Funktionalität: Rechnungen aus Bestellungen
  Aus einer Bestellung wird eine Rechnung mit Nummer, Steuer und Buchung. Was danach geschieht, ändert die Rechnung nie
  rückwirkend: Es kommen Buchungen dazu.

  Grundlage:
    Angenommen der Steuersatz "standard" von 19 % und "reduced" von 7 %

  Szenario: Eine Bestellung wird gebucht
    Wenn "A-1" über 2 x 50,00 EUR bestellt wird
    Dann hat die Rechnung von "A-1" die Nummer "2026-00000001" und den Stand "OPEN"
    Und sind ihre Beträge 100,00 netto, 19,00 Steuer und 119,00 brutto
    Und stehen im Hauptbuch
      | Konto | Soll   | Haben  |
      | 1200  | 119,00 |        |
      | 2200  |        | 19,00  |
      | 4000  |        | 100,00 |
    Und wird von "A-1" gemeldet "invoice_created"

  Szenario: Teilzahlung
    Wenn "A-1" über 2 x 50,00 EUR bestellt wird
    Und für "A-1" 20,00 EUR eingehen
    Dann hat die Rechnung von "A-1" die Nummer "2026-00000001" und den Stand "PARTIALLY_PAID"
    Und stehen im Hauptbuch
      | Konto | Soll  | Haben  |
      | 1000  | 20,00 |        |
      | 1200  | 99,00 |        |
      | 2200  |       | 19,00  |
      | 4000  |       | 100,00 |
    Und wird von "A-1" gemeldet "invoice_created"

  Szenario: Gutschrift: wer zu viel zahlt, hat ein Guthaben
    Wenn "A-1" über 2 x 50,00 EUR bestellt wird
    Und für "A-1" 20,00 EUR eingehen
    Und für "A-1" 100,00 EUR eingehen
    Dann hat die Rechnung von "A-1" die Nummer "2026-00000001" und den Stand "PAID"
    Und stehen im Hauptbuch
      | Konto | Soll   | Haben  |
      | 1000  | 120,00 |        |
      | 2200  |        | 19,00  |
      | 2300  |        | 1,00   |
      | 4000  |        | 100,00 |
    Und wird von "A-1" gemeldet "invoice_created, invoice_paid"

  Szenario: Storno nach einer Teilzahlung: das Gezahlte wird zum Guthaben
    Wenn "A-1" über 2 x 50,00 EUR bestellt wird
    Und für "A-1" 20,00 EUR eingehen
    Und "A-1" storniert wird
    Und "A-1" storniert wird
    Dann hat die Rechnung von "A-1" die Nummer "2026-00000001" und den Stand "CANCELLED"
    Und stehen im Hauptbuch
      | Konto | Soll  | Haben |
      | 1000  | 20,00 |       |
      | 2300  |       | 20,00 |
    Und wird von "A-1" gemeldet "invoice_created, invoice_cancelled"

  Szenario: Ein Steuersatz fehlt, die Rechnung wartet und bekommt keine Nummer
    Wenn "A-1" über 1 x 10,00 EUR mit der Steuerklasse "luxury" bestellt wird
    Und "A-2" über 1 x 10,00 EUR bestellt wird
    Und für "A-1" 5,00 EUR eingehen
    Dann hat die Rechnung von "A-1" keine Nummer und den Stand "ON_HOLD"
    Und hat die Rechnung von "A-2" die Nummer "2026-00000001" und den Stand "OPEN"
    Und wartet ein Ereignis von "A-1"
    Wenn der Steuersatz "luxury" von 50 % dazukommt
    Dann hat die Rechnung von "A-1" die Nummer "2026-00000002" und den Stand "PARTIALLY_PAID"
    Und sind ihre Beträge 10,00 netto, 5,00 Steuer und 15,00 brutto
    Und wartet kein Ereignis
    Und wird von "A-1" gemeldet "invoice_created"

  Szenario: Storno, während der Steuersatz fehlt: keine Nummer, keine Buchung, keine Meldung
    Wenn "A-1" über 1 x 10,00 EUR mit der Steuerklasse "luxury" bestellt wird
    Und für "A-1" 5,00 EUR eingehen
    Und "A-1" storniert wird
    Dann hat die Rechnung von "A-1" keine Nummer und den Stand "CANCELLED"
    Und stehen im Hauptbuch
      | Konto | Soll | Haben |
      | 1000  | 5,00 |       |
      | 2300  |      | 5,00  |
    Und wird von "A-1" gemeldet ""

  Szenario: Die Zahlung kommt vor der Bestellung an
    Wenn für "A-1" 119,00 EUR eingehen
    Dann wartet ein Ereignis von "A-1"
    Wenn "A-1" über 2 x 50,00 EUR bestellt wird
    Dann hat die Rechnung von "A-1" die Nummer "2026-00000001" und den Stand "PAID"
    Und wartet kein Ereignis
