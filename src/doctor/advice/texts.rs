//! The texts, one constant for each thing that can be mended.

use super::{Fix, Server};

pub(super) const fn fix(server: Server, text: &'static str) -> Fix {
    Fix {
        server: Some(server),
        text,
    }
}

pub(super) const fn any(text: &'static str) -> Fix {
    Fix { server: None, text }
}

/// C01.
pub const REACH: &[Fix] = &[any(
    "is the server running, and is this its address? Try: curl -v URL",
)];
/// C02.
pub const LOGIN: &[Fix] = &[any(
    "send what a logged-in visitor sends:  --cookie 'NAME=value'  --header 'Name: value'\n\
     and declare it in the route:  headers = [\"Cookie\"]",
)];
/// C03.
pub const STATUS: &[Fix] = &[any(
    "answer 200 to this URL; what is temporary: 200, then `retry: 30000`, then the end",
)];
/// C04.
pub const TYPE: &[Fix] = &[
    fix(
        Server::Php,
        "before anything is printed:  header('Content-Type: text/event-stream');\n\
                      no text, no blank line and no byte order mark before <?php",
    ),
    fix(
        Server::Nginx,
        "for files:  types { text/event-stream sse; }   (and does it run the script?)",
    ),
    fix(
        Server::Apache,
        "for files:  AddType text/event-stream .sse     (and does it run the script?)",
    ),
    fix(Server::Asp, "Response.ContentType = \"text/event-stream\""),
];
/// C05.
pub const CHARSET: &[Fix] = &[
    fix(
        Server::Php,
        "header('Content-Type: text/event-stream; charset=UTF-8');\n\
                      and print UTF-8:  echo mb_convert_encoding($text, 'UTF-8', 'GBK');",
    ),
    fix(
        Server::Asp,
        "ASP.NET:  Response.ContentEncoding = Encoding.UTF8;\n\
                      classic:  <%@ CODEPAGE=65001 %>  and  Response.Charset = \"utf-8\"",
    ),
];
/// C06.
pub const ENDS: &[Fix] = &[
    fix(
        Server::Php,
        "while (true) { echo \"data: …\\n\\n\"; flush(); sleep(3); }\n\
                      or say when to come back:  echo \"retry: 10000\\n\";",
    ),
    fix(
        Server::Asp,
        "ASP.NET:  while (Response.IsClientConnected) { …; Response.Flush(); … }\n\
                      or say when to come back:  Response.Write(\"retry: 10000\\n\");",
    ),
];
/// C07.
pub const COMPRESSED: &[Fix] = &[
    fix(
        Server::Php,
        "zlib.output_compression = Off          (php.ini)",
    ),
    fix(
        Server::Nginx,
        "gzip off;                              (in the location)",
    ),
    fix(
        Server::Apache,
        "SetEnvIf Request_URI \\.php$ no-gzip    (mod_deflate)",
    ),
    fix(
        Server::Iis,
        "dynamic compression off:  <urlCompression doDynamicCompression=\"false\" />",
    ),
];
/// C08, if it is the script's own.
pub const BUFFERED_SCRIPT: &[Fix] = &[
    fix(
        Server::Php,
        "at the top:        while (ob_get_level()) ob_end_flush();\n\
                      after each event:  flush();\n\
                      (php.ini has output_buffering = 4096 and implicit_flush = Off)",
    ),
    fix(
        Server::Asp,
        "ASP.NET:  Response.BufferOutput = false;   Response.Flush();\n\
                      classic:  <% Response.Buffer = False %>    Response.Flush",
    ),
];
/// C08, if it is of who stands in front of it.
pub const BUFFERED_PROXY: &[Fix] = &[
    fix(
        Server::Nginx,
        "from the script:  header('X-Accel-Buffering: no');\n\
                        or in the location:  fastcgi_buffering off;  proxy_buffering off;",
    ),
    fix(
        Server::Apache,
        "<Proxy \"fcgi://…\"> ProxySet flushpackets=on </Proxy>\n\
                         or:  ProxyPass … flushpackets=on",
    ),
    fix(
        Server::Iis,
        "Application Request Routing: response buffer threshold = 0",
    ),
];
/// C09 and C10.
pub const BLANK_LINE: &[Fix] = &[
    fix(
        Server::Php,
        "end each event with two line ends, in double quotes:\n\
                      echo \"data: $text\\n\\n\";",
    ),
    fix(
        Server::Asp,
        "classic:  Response.Write(\"data: \" & now() & vbLf & vbLf)\n\
                      ASP.NET:  Response.Write(\"data: \" + DateTime.Now + \"\\n\\n\");",
    ),
    any("end each event with a blank line: two line ends after its last field"),
];
/// C11.
pub const NOTICES: &[Fix] = &[
    fix(
        Server::Php,
        "ini_set('display_errors', '0');  and see what the log says (log_errors = On)",
    ),
    fix(
        Server::Asp,
        "ASP.NET:  <customErrors mode=\"On\" />;  classic:  On Error Resume Next",
    ),
    any("print nothing but fields, comments and blank lines"),
];
/// C12.
pub const UNKNOWN: &[Fix] = &[
    fix(
        Server::Php,
        "one line:    echo 'data: ' . json_encode($value) . \"\\n\\n\";\n\
                      many lines:  foreach (explode(\"\\n\", $text) as $l) echo \"data: $l\\n\";",
    ),
    fix(
        Server::Asp,
        "\"data: \" + text.Replace(\"\\r\", \"\").Replace(\"\\n\", \"\\ndata: \") + \"\\n\\n\"",
    ),
    any("each line of a value begins with `data: `; field names are lower case, without spaces"),
];
/// C13.
pub const BOM: &[Fix] = &[any(
    "save the file, and each file that it includes, as UTF-8 without a byte order mark",
)];
/// C14.
pub const SILENCE: &[Fix] = &[
    fix(
        Server::Php,
        "every 15 s without an event:  echo \":\\n\"; flush();",
    ),
    fix(
        Server::Asp,
        "every 15 s without an event:  Response.Write(\":\\n\"); Response.Flush();",
    ),
    any("every 15 s without an event a comment: a colon and a line end"),
];
/// C15.
pub const CUT: &[Fix] = &[
    fix(
        Server::Php,
        "set_time_limit(0);   and in the pool:  request_terminate_timeout = 0",
    ),
    fix(
        Server::Nginx,
        "fastcgi_read_timeout 1h;  proxy_read_timeout 1h;  (the default is 60 s)",
    ),
    fix(
        Server::Apache,
        "ProxyTimeout 3600    (or timeout=3600 behind ProxyPass)",
    ),
    fix(
        Server::Iis,
        "<httpRuntime executionTimeout=\"3600\" />;  ARR: time-out 3600",
    ),
    fix(Server::Asp, "Server.ScriptTimeout = 3600"),
    any("or print a comment every 15 s: most of these limits count silence"),
];
/// C16.
pub const IDS: &[Fix] = &[any(
    "before each `data:` a line `id: …`, never the same twice: printable ASCII,\n\
     no spaces, at most 128 bytes; `retry:` in milliseconds, digits only",
)];
/// C17.
pub const RESUME: &[Fix] = &[
    fix(
        Server::Php,
        "$last = $_SERVER['HTTP_LAST_EVENT_ID'] ?? '';   // go on behind this one",
    ),
    fix(
        Server::Asp,
        "last = Request.Headers[\"Last-Event-ID\"]   (go on behind this one)",
    ),
    any("read the request's Last-Event-ID, and go on behind that event"),
];
/// C18.
pub const SESSION_LOCK: &[Fix] = &[
    fix(
        Server::Php,
        "session_start();  …read…;  session_write_close();   // before the loop",
    ),
    fix(
        Server::Asp,
        "ASP.NET:  <%@ Page EnableSessionState=\"ReadOnly\" %>  (or false)\n\
                      classic:  <%@ EnableSessionState=False %>",
    ),
];
/// C19.
pub const WORKERS: &[Fix] = &[
    fix(
        Server::Php,
        "FPM:  pm.max_children = streams + page load, or a pool of its own\n\
                      php -S:  PHP_CLI_SERVER_WORKERS=8 php -S …",
    ),
    fix(
        Server::Apache,
        "MaxRequestWorkers above the number of visitors",
    ),
    any("without Fantail one worker for each visitor, with it one for each stream"),
];
/// C20.
pub const SHARING: &[Fix] = &[any(
    "declare in the route what tells visitors apart, as the block below does",
)];
/// C21.
pub const CORS: &[Fix] = &[
    any("in the route:  cors = { origins = [\"https://your-page.example\"] }"),
    fix(
        Server::Php,
        "header('Access-Control-Allow-Origin: https://your-page.example');\n\
                      header('Vary: Origin');   // with cookies also …-Allow-Credentials: true",
    ),
    fix(
        Server::Nginx,
        "add_header Access-Control-Allow-Origin https://your-page.example always;",
    ),
    fix(
        Server::Apache,
        "Header always set Access-Control-Allow-Origin https://your-page.example",
    ),
    fix(
        Server::Iis,
        "<customHeaders><add name=\"Access-Control-Allow-Origin\" value=\"…\" />",
    ),
    fix(
        Server::Asp,
        "Response.AddHeader(\"Access-Control-Allow-Origin\", \"https://…\")",
    ),
];
/// C22.
pub const SIZE: &[Fix] = &[any(
    "send what has changed, not everything; or raise `max_event` in the route",
)];

/// All texts, for the test of their width.
#[cfg(test)]
pub const ALL: [&[Fix]; 22] = [
    REACH,
    LOGIN,
    STATUS,
    TYPE,
    CHARSET,
    ENDS,
    COMPRESSED,
    BUFFERED_SCRIPT,
    BUFFERED_PROXY,
    BLANK_LINE,
    NOTICES,
    UNKNOWN,
    BOM,
    SILENCE,
    CUT,
    IDS,
    RESUME,
    SESSION_LOCK,
    WORKERS,
    SHARING,
    SIZE,
    CORS,
];
