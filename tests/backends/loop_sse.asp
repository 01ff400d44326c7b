<%
' Three numbered events, half a second apart; VBScript has no way to wait but to look at the clock,
' which starts again at midnight.
Response.ContentType="text/event-stream"
Response.Expires=-1
Dim id, start
For id = 1 To 3
    Response.Write("data: tick " & id & vbLf & vbLf)
    Response.Flush()
    start = Timer
    Do While Timer >= start And Timer - start < 0.5
    Loop
Next
%>
