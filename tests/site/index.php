<?php
session_start();
$name = $_SESSION['name'] ?? 'stranger';
?>
<!doctype html>
<meta charset="utf-8">
<title>A site</title>
<h1 id="hello">Hello, <?= htmlspecialchars($name) ?></h1>
<img id="logo" src="logo.php" alt="logo">
<form id="login" method="post" action="login.php">
    <input name="name"><input name="password" type="password"><button>Log in</button>
</form>
<form id="upload" method="post" action="upload.php" enctype="multipart/form-data">
    <input name="file" type="file"><button>Send</button>
</form>
<a id="live" href="live.php?room=1">Live</a>
