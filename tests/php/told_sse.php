<?php
// What the script is told, a line each; and something for its error stream.
error_log("first line\nsecond line");
header('Content-Type: text/event-stream');
foreach (['SCRIPT_FILENAME', 'SCRIPT_NAME', 'DOCUMENT_ROOT', 'REQUEST_URI', 'QUERY_STRING', 'PATH_INFO',
          'REMOTE_ADDR', 'SERVER_NAME', 'HTTP_HOST', 'HTTP_ACCEPT', 'HTTP_X_TENANT', 'HTTP_COOKIE',
          'HTTP_PROXY', 'HTTPS', 'PHP_SELF'] as $name) {
    echo 'data: ', $name, '=', $_SERVER[$name] ?? '(none)', "\n";
}
echo "\n";
