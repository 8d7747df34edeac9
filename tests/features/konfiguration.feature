# language: de
Funktionalität: Konfiguration
  Jeder Nachtlauf gehört zu einem Mandanten und einer Umgebung. Was falsch eingestellt ist, wird abgelehnt,
  bevor irgendetwas geschieht, und die Meldung sagt, was zu tun ist.

  Szenario: Die Einstellungen einer bestehenden Installation genügen
    Angenommen die Umgebungsvariablen sind
      | Variable              | Wert            |
      | BDA_CLIENT_ID         | neukunde        |
      | BDA_ENVIRONMENT       | prod            |
      | BDA_DB_HOST           | db.example.org  |
      | BDA_DB_MAX_CONNS      | 6               |
      | BDA_S3_BUCKET         | abrechnung-neu  |
      | BDA_SYSTEMS           | bookkeeper      |
      | BDA_MAX_ROW_SIZE_FILE | 5000            |
    Wenn die Konfiguration gelesen wird
    Dann gibt es genau einen Nachtlauf, für "neukunde" in "prod"
    Und seine Dateien kommen in den Bucket "abrechnung-neu"
    Und jede Datei hat höchstens 5000 Zeilen
    Und höchstens 6 Schritte benutzen die Datenbank gleichzeitig
    Und es läuft nur das System "bookkeeper"

  Szenario: Ohne weitere Angaben gelten die dokumentierten Vorgaben
    Angenommen die Umgebungsvariablen sind
      | Variable        | Wert     |
      | BDA_CLIENT_ID   | neukunde |
      | BDA_ENVIRONMENT | stage    |
    Wenn die Konfiguration gelesen wird
    Dann jede Datei hat höchstens 1000000 Zeilen
    Und höchstens 4 Schritte benutzen die Datenbank gleichzeitig
    Und es laufen die Systeme "bookkeeper, tripica"
    Und der Lauf beginnt jede Nacht um 2 Uhr (UTC)

  Szenariogrundriss: Die genauere Angabe gewinnt
    Angenommen in der Mandantendatei steht für alle <Vorgabe>, für den Mandanten <Mandant> Zeilen je Datei
    Und in der Umgebung steht <Variable> und beim Start wird <Lauf> verlangt
    Wenn die Konfiguration gelesen wird
    Dann hat jede Datei des Laufs höchstens <Ergebnis> Zeilen

    Beispiele:
      | Vorgabe | Mandant | Variable | Lauf   | Ergebnis |
      | 1000    | nichts  | nichts   | nichts | 1000     |
      | 1000    | 2000    | nichts   | nichts | 2000     |
      | 1000    | 2000    | 3000     | nichts | 3000     |
      | 1000    | 2000    | 3000     | 4000   | 4000     |

  Szenariogrundriss: Was nicht stimmen kann, wird mit Namen, Wert und erlaubtem Bereich abgelehnt
    Angenommen die Variable "<Variable>" hat den Wert "<Wert>"
    Wenn die Konfiguration gelesen wird
    Dann wird sie abgelehnt mit "<Meldung>"

    Beispiele:
      | Variable              | Wert         | Meldung                                                             |
      | BDA_DB_PORT           | 99999        | BDA_DB_PORT = '99999': must be a whole number from 1 to 65535       |
      | BDA_MAX_ROW_SIZE_FILE | 0            | BDA_MAX_ROW_SIZE_FILE = '0': must be a whole number from 1          |
      | BDA_MAX_ROW_SIZE_FILE | -5           | BDA_MAX_ROW_SIZE_FILE = '-5': must be a whole number from 1         |
      | BDA_LOG_LEVEL         | laut         | BDA_LOG_LEVEL = 'laut': must be one of DEBUG, INFO                  |
      | BDA_ENVIRONMENT       | produktion   | BDA_ENVIRONMENT = 'produktion': must be one of dev, stage, prod     |
      | BDA_CLIENT_ID         |              | BDA_CLIENT_ID is empty                                              |
      | BDA_CLIENT_ID         | Stadt/Werke  | BDA_CLIENT_ID = 'Stadt/Werke': must be 1 to 40 lower-case letters   |
      | BDA_LOG_LEVLE         | INFO         | unknown variable BDA_LOG_LEVLE; did you mean BDA_LOG_LEVEL?         |

  Szenario: Ein System kann nicht zugleich gewählt und ausgelassen sein
    Angenommen die Umgebungsvariablen sind
      | Variable           | Wert               |
      | BDA_SYSTEMS        | tripica,bookkeeper |
      | BDA_IGNORE_SYSTEMS | tripica            |
    Wenn die Konfiguration gelesen wird
    Dann wird sie abgelehnt mit "both name tripica"

  Szenario: Alle Fehler werden auf einmal genannt
    Angenommen die Umgebungsvariablen sind
      | Variable      | Wert  |
      | BDA_DB_PORT   | null  |
      | BDA_LOG_LEVEL | laut  |
      | BDA_DRY_RUN   | ja    |
    Wenn die Konfiguration gelesen wird
    Dann nennt die Meldung 3 Fehler

  Szenario: Passwörter erscheinen nirgends
    Angenommen die Umgebungsvariablen sind
      | Variable                 | Wert            |
      | BDA_DB_PASSWORD          | Streng-Geheim-1 |
      | BDA_S3_ACCESS_KEY        | Streng-Geheim-2 |
      | BDA_S3_SECRET_ACCESS_KEY | Streng-Geheim-3 |
    Wenn die Konfiguration gelesen wird
    Dann steht "Streng-Geheim" in keiner Darstellung der Konfiguration

  Szenariogrundriss: Ohne Angabe wird die Umgebung am Namen der Datenbank erkannt
    Angenommen die Variable "BDA_DB_HOST" hat den Wert "<Rechner>"
    Wenn die Konfiguration gelesen wird
    Dann ist die Umgebung "<Umgebung>"

    Beispiele:
      | Rechner                  | Umgebung |
      | localhost                | local    |
      | octopus.prod.example.org | prod     |
      | db-stage.example.org     | stage    |
